"""The flow `documents`: a stored file becomes chunks with their vectors, and one completion."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from events.event import Event
from events.failures import Conflict, Failure, Outage, Permanent, Transient
from events.model import StoredObject
from handlers.answer import Answer
from handlers.embed.batching import ChunkText
from handlers.embed.budget import ByteBudget, Share
from handlers.embed.embedding import Embedded, Embedder
from handlers.embed.failures import bare
from handlers.embed.kinds import claimed_kind
from handlers.embed.model import Parsed
from handlers.embed.settling import Settled, settle
from handlers.embed.stored import Content, Outcome, RowMaker, answer_of, chunk_rows
from handlers.llm import Asker
from handlers.objects import read_object
from handlers.resources import Resources
from storage.chunks import ChunkRows, copy_chunks, repeat_chunks
from storage.database import Connection
from storage.documents import DocumentRow, lock_documents, put_documents, same_bytes, standing_of, stored_documents
from storage.embeddings import forget_vectors, paid_by

FLOW = "documents"

# What a file counts for until it is parsed: itself, and the parser's answer as bytes, as JSON and as text.
FILE_TIMES: Final = 4


@dataclass(slots=True)
class Loaded:
    """A file to work on, which gives way to `parsed` once it is read; `share` is what the document counts for meanwhile."""

    content: Content
    file: bytes
    share: Share
    parsed: Parsed | None = None


class DocumentsFlow:
    """Embeds documents: reads the file in `load`, makes chunks and vectors in `work`, swaps them in in `save`."""

    def __init__(self, resources: Resources) -> None:
        llm, settings = resources.need_llm(), resources.documents
        self.database, self.objects, self.parsers = resources.database, resources.objects, resources.need_parsers()
        self.limits, self.file_max_bytes = settings.limits, min(resources.object_max_bytes, settings.limits.content_bytes)
        self.embedder = Embedder(llm, resources.database, settings.embedding_model, settings.dimensions)
        self.rows = RowMaker(self.embedder.kept_as, settings.dimensions)
        self.budget = ByteBudget(settings.work_bytes)

    async def load(self, events: Sequence[Event]) -> list[Loaded | Outcome | Failure]:
        """Each document's file, or its outcome where what is stored answers for it already."""
        return await asyncio.gather(*(self._load(event) for event in events))

    async def work(self, events: Sequence[Event], loaded: Sequence[Loaded | Outcome]) -> list[Outcome | Failure]:
        """Each document's chunks, read in a process of their own, with vectors; nothing is asked for a file that is known."""
        return await asyncio.gather(*(self._work(event, each) for event, each in zip(events, loaded, strict=True)))

    async def save(
        self, connection: Connection, events: Sequence[Event], results: Sequence[Outcome | Failure]
    ) -> list[Answer | Conflict]:
        """One row a version under its natural key; the newest version with chunks is the one that readers see."""
        outcomes = await self._outcomes(connection, events, results)
        rows = [outcome.row for outcome in outcomes]
        document_ids, keys = [row.document_id for row in rows], [row.key for row in rows]
        await lock_documents(connection, document_ids)
        stored = await stored_documents(connection, keys)
        settled = settle(rows, stored, await standing_of(connection, document_ids))
        if not settled.has_conflicts:
            await put_documents(connection, list(settled.new.values()), stored)
            await _put_chunks(connection, settled, outcomes, [UUID(bytes=event.key) for event in events])
        return [holder if isinstance(holder, Conflict) else answer_of(holder) for holder in settled.holders]

    async def _load(self, event: Event) -> Loaded | Outcome | Failure:
        started_at, wanted = datetime.now(UTC), StoredObject(uri=event.data.uri, sha256=event.data.sha256)
        with ExitStack() as unless_kept:
            try:
                size = min(await self.objects.size(wanted.uri), self.file_max_bytes)
                share = await self.budget.take(FILE_TIMES * size)
                unless_kept.callback(share.release)
                file, digest = await read_object(self.objects, wanted, self.file_max_bytes, "not_found")
            except (Permanent, Transient) as failure:
                return bare(failure)
            content = Content(started_at, len(file), digest)
            known = await self._look(event, content)
            if known is not None:
                return known
            unless_kept.pop_all()
        return Loaded(content, file, share)

    async def _look(self, event: Event, content: Content) -> Outcome | Conflict | None:
        """What is stored makes of the document, if that leaves nothing to work on."""
        row = self.rows.read(event, content)
        async with self.database.connection() as connection:
            stored = await stored_documents(connection, [row.key])
            standing = await standing_of(connection, [row.document_id])
            known = await same_bytes(connection, row)
        settled = settle([row], stored, standing)
        [holder] = settled.holders
        if isinstance(holder, Conflict):
            return holder
        current = standing[row.document_id].current_version if row.document_id in standing else None
        if not settled.new or (current or 0) > row.version:
            return Outcome(row)
        if (source := _read_alike(row, known)) is not None:
            return Outcome(self.rows.unchanged(event, content, source), source=source.chunks_key)
        return None

    async def _work(self, event: Event, loaded: Loaded | Outcome) -> Outcome | Failure:
        if isinstance(loaded, Outcome):
            return loaded
        try:
            parsed = await self._parsed(event, loaded)
            texts = [ChunkText.of(chunk.text, chunk.tokens) for chunk in parsed.chunks]
            embedded = await self._embedded(event, loaded.share, parsed, texts)
        except (Permanent, Transient) as failure:
            return bare(failure)
        row = self.rows.embedded(event, loaded.content, parsed, embedded)
        return Outcome(row, chunk_rows(row, parsed, texts, embedded), embedded.paid, share=loaded.share)

    async def _parsed(self, event: Event, loaded: Loaded) -> Parsed:
        """The document, read once however often it is tried to embed it."""
        if loaded.parsed is None:
            document = event.data
            loaded.parsed = await self.parsers.parse(loaded.file, document.filename, document.media_type, self.limits)
            loaded.file = b""
        return loaded.parsed

    async def _embedded(self, event: Event, share: Share, parsed: Parsed, texts: Sequence[ChunkText]) -> Embedded:
        """The vectors, once there is room for them; while OpenAI is away they leave it to others."""
        await share.resize(parsed.nbytes + 4 * self.rows.dimensions * len(texts))
        try:
            return await self.embedder.vectors(Asker(event.client_id, FLOW, UUID(bytes=event.key)), texts)
        except Outage:
            await share.resize(parsed.nbytes)
            raise

    async def _outcomes(
        self, connection: Connection, events: Sequence[Event], results: Sequence[Outcome | Failure]
    ) -> list[Outcome]:
        """The outcomes as they are stored: an attempt that asked for nothing tells what an earlier one has paid."""
        now = datetime.now(UTC)
        outcomes = [self._outcome(event, result, now) for event, result in zip(events, results, strict=True)]
        keys = [UUID(bytes=event.key) for event in events]
        idle = [key for outcome, key in zip(outcomes, keys, strict=True) if outcome.made is None]
        paid = await paid_by(connection, self.rows.embedding_model, idle)
        return [outcome.having_paid(paid.get(key)) for outcome, key in zip(outcomes, keys, strict=True)]

    def _outcome(self, event: Event, result: Outcome | Failure, now: datetime) -> Outcome:
        if isinstance(result, Failure):
            return Outcome(self.rows.failed(event, result, now))
        return replace(result, row=result.row._replace(completed_at=now))


def _read_alike(row: DocumentRow, known: Iterable[DocumentRow]) -> DocumentRow | None:
    """The first that was read as `row` would be: the same bytes may be text or HTML, by what is said of them."""
    kind = claimed_kind(row.filename, row.media_type)
    return next((each for each in known if claimed_kind(each.filename, each.media_type) == kind), None)


async def _put_chunks(connection: Connection, settled: Settled, outcomes: Sequence[Outcome], keys: Sequence[UUID]) -> None:
    """Writes the chunks of new rows; vectors that are in chunks now need no place of their own any more."""
    made, paid = list[ChunkRows](), defaultdict[tuple[str, str], dict[UUID, Sequence[bytes]]](dict)
    for place, row in settled.new.items():
        if row.chunks_version is None:
            continue
        outcome = outcomes[place]
        paid[row.client_id, row.embedding_model][keys[place]] = outcome.paid
        if outcome.made is not None:
            made.append(outcome.made)
        elif outcome.source not in {None, row.chunks_key}:
            await repeat_chunks(connection, outcome.source, row.chunks_key, row.chunks)
    await copy_chunks(connection, made)
    for owner, told in paid.items():
        await forget_vectors(connection, *owner, told)
