"""Documents as they are stored, and the completions that answer for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, get_args
from uuid import UUID

from events.document import DocumentFailureCode, DocumentUploaded
from events.event import Event
from events.failures import Failure, Permanent
from events.identity import input_sha256
from handlers.answer import Answer
from handlers.embed.batching import ChunkText
from handlers.embed.budget import Share
from handlers.embed.chunking import CHUNKER_VERSION
from handlers.embed.embedding import Embedded
from handlers.embed.model import Parsed
from storage.chunks import ChunkRows
from storage.documents import DocumentRow, Key, json_text
from storage.embeddings import Paid

FAILURE_CODES = frozenset(get_args(DocumentFailureCode))
# What asking OpenAI can come to; to clients it is one thing.
OPENAI_FAILED = frozenset(
    {
        "openai_away",
        "openai_quota",
        "openai_refuses_key",
        "openai_lacks_model",
        "rate_limited",
        "malformed_answer",
        "model_refused",
    }
)


@dataclass(frozen=True, slots=True)
class Content:
    """A file's size in bytes and the sha256 of these, and when reading it began."""

    started_at: datetime
    size: int
    sha256: bytes


@dataclass(frozen=True, slots=True)
class Outcome:
    """A version's row, and its chunks: those that were made for it, or those of the version `source`.

    `paid` are the hashes of the texts whose vectors this event has paid for; `share` is what the document counts for as
    long as this is kept.
    """

    row: DocumentRow
    made: ChunkRows | None = None
    paid: Sequence[bytes] = ()
    source: Key | None = None
    share: Share | None = None

    @property
    def nbytes(self) -> int:
        """What a group counts for its size."""
        return 0 if self.made is None else self.made.nbytes

    def having_paid(self, paid: Paid | None) -> Outcome:
        """The outcome of an event for which this was paid at an earlier attempt, though nothing at this one."""
        if paid is None:
            return self
        row = self.row._replace(tokens=paid.tokens, cost_usd=paid.cost_usd)
        return replace(self, row=row, paid=paid.hashes)


@dataclass(frozen=True, slots=True)
class RowMaker:
    """Makes the rows of documents whose chunks are embedded by this model; vectors have so many dimensions."""

    embedding_model: str
    dimensions: int

    def embedded(self, event: Event, content: Content, parsed: Parsed, embedded: Embedded) -> DocumentRow:
        """The row of a document that was read and embedded."""
        return self.read(event, content)._replace(
            status="embedded",
            chunks_version=event.data.version,
            pages=parsed.pages,
            page_labels=parsed.labels,
            chunks=len(parsed.chunks),
            chunks_reused=embedded.reused,
            tokens=embedded.tokens,
            cost_usd=embedded.cost_usd,
        )

    def unchanged(self, event: Event, content: Content, source: DocumentRow) -> DocumentRow:
        """The row of a document whose bytes are those of `source`: of the same document it shows the same chunks."""
        row = self.read(event, content)
        return row._replace(
            status="unchanged",
            chunks_version=source.chunks_version if source.document_id == row.document_id else row.version,
            pages=source.pages,
            page_labels=source.page_labels,
            chunks=source.chunks,
            chunks_reused=source.chunks,
        )

    def read(self, event: Event, content: Content) -> DocumentRow:
        """The row of a document whose file was read, and nothing else done: as if it were superseded."""
        digests = [(event.data.uri, content.sha256)]
        return self._row(event, content.started_at)._replace(
            status="superseded",
            sha256=content.sha256,
            size=content.size,
            input_sha256=input_sha256(event.client_id, event.data_sha256 or b"", digests),
        )

    def failed(self, event: Event, failure: Failure, now: datetime) -> DocumentRow:
        """The row of a document that has no chunks. Its input is what was asked for: its bytes may not be known."""
        code = "embedding_failed" if failure.code in OPENAI_FAILED else failure.code
        code = code if code in FAILURE_CODES else "internal"
        return self._row(event, now)._replace(failure_code=code, failure_message=failure.message)

    def _row(self, event: Event, started_at: datetime) -> DocumentRow:
        document: DocumentUploaded = event.data
        request = input_sha256(event.client_id, event.data_sha256 or b"")
        return DocumentRow(
            document_id=UUID(document.document_id),
            version=document.version,
            client_id=event.client_id,
            generation=event.generation,
            status="failed",
            is_current=False,
            chunks_version=None,
            uri=document.uri,
            filename=document.filename,
            media_type=document.media_type,
            metadata=json_text(document.metadata),
            sha256=None,
            size=None,
            pages=0,
            page_labels=[],
            chunks=0,
            chunks_reused=0,
            tokens=0,
            embedding_model=self.embedding_model,
            dimensions=self.dimensions,
            chunker=CHUNKER_VERSION,
            cost_usd=Decimal(),
            failure_code=None,
            failure_message=None,
            input_sha256=request,
            request_sha256=request,
            source=event.source,
            event_id=event.id,
            correlation_id=event.correlation_id or event.id,
            started_at=started_at,
            completed_at=started_at,
        )


def chunk_rows(row: DocumentRow, parsed: Parsed, texts: Sequence[ChunkText], embedded: Embedded) -> ChunkRows:
    """The chunks of a document that was read and embedded."""
    return ChunkRows(
        document_id=row.document_id,
        version=row.version,
        client_id=row.client_id,
        embedding_model=row.embedding_model,
        page=[chunk.page for chunk in parsed.chunks],
        start_char=[chunk.start for chunk in parsed.chunks],
        end_char=[chunk.end for chunk in parsed.chunks],
        content=[chunk.text for chunk in parsed.chunks],
        content_sha256=[text.content_sha256 for text in texts],
        tokens=[chunk.tokens for chunk in parsed.chunks],
        embeddings=embedded.vectors,
    )


def answer_of(row: DocumentRow) -> Answer:
    """The completion's data, the same whenever it is asked for."""
    failure = None if row.failure_code is None else Permanent(row.failure_code, row.failure_message or "")
    data: dict[str, Any] = {
        "document_id": str(row.document_id),
        "version": row.version,
        "status": row.status,
        "pages": row.pages,
        "chunks": row.chunks,
        "chunks_reused": row.chunks_reused,
        "tokens": row.tokens,
        "model": row.embedding_model,
        "dimensions": row.dimensions,
        "cost_usd": float(row.cost_usd),
    }
    if failure is not None:
        data["failure"] = {"code": failure.code, "message": failure.message}
    return Answer(data, failure)
