"""Where evidence comes from: the client's own documents and runs, read in sessions that see nothing else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from events.audit import AuditCreated
from events.failures import Permanent, Waiting
from handlers.audit.evidence import Evidence, Passage, choose, fit, most_passages
from handlers.audit.valuations import run_passage
from storage.database import Connection, Database
from storage.evidence import (
    EvidenceChunk,
    EvidenceDocument,
    chunks_in_order,
    current_documents,
    named_documents,
    nearest_chunks,
    run_errors,
)
from storage.runs import RunRow, stored_runs
from storage.tenant import tenant_session

MISSING = "evidence_missing"
NAMED_IN_A_MESSAGE = 3

# Gives the vector of what the audit asks for.
Question = Callable[[], Awaitable[NDArray[np.float32]]]


@dataclass(slots=True)
class Sources:
    """What an audit is about, all of it finished: documents with their current version, and runs as passages."""

    documents: list[EvidenceDocument]
    runs: list[Passage]

    @property
    def chunks(self) -> int:
        """How many chunks the documents have."""
        return sum(document.chunks for document in self.documents)


class Gathering:
    """Reads evidence; `embedding_model` is the one whose vectors are compared with the question's."""

    def __init__(self, database: Database, embedding_model: str, wait_seconds: float) -> None:
        self.database, self.embedding_model, self.wait_seconds = database, embedding_model, wait_seconds

    async def sources(self, client_id: str, audit: AuditCreated) -> Sources:
        """What the audit names; without document_ids all of the client's current documents.

        Raises Waiting, code evidence_missing, while something named is not finished or not this client's: which of the two
        cannot be seen. Raises Permanent with the same code when something named has failed, or there is nothing at all.
        """
        async with tenant_session(self.database, client_id) as connection:
            documents = await self._documents(connection, audit)
            runs = await self._runs(connection, audit)
        if not runs and not any(document.chunks for document in documents):
            what = "these documents have no text" if documents else "this client has no documents"
            raise Permanent(MISSING, f"there is nothing to audit: {what}")
        return Sources(documents, runs)

    async def evidence(self, client_id: str, sources: Sources, room: int, question: Question) -> Evidence:
        """The passages that fit into `room` tokens: runs first, then all chunks, or else those nearest to the question.

        Of as many documents as can be there is at least one chunk. The question is asked for only when it matters.
        """
        runs = choose(sources.runs, room)
        left = room - sum(passage.cost for passage in runs)
        chunks = await self._chunks(client_id, sources, left, question)
        left_out = len(sources.runs) - len(runs) + sources.chunks - len(chunks)
        return Evidence([*runs, *chunks], max(0, left_out))

    async def _chunks(self, client_id: str, sources: Sources, room: int, question: Question) -> list[Passage]:
        most = most_passages(room)
        if sources.chunks <= most:
            async with tenant_session(self.database, client_id) as connection:
                everything = _passages(await chunks_in_order(connection, sources.documents), sources.documents)
            if fit(everything, room):
                return everything
        if not most:
            return []
        vector = await question()
        async with tenant_session(self.database, client_id) as connection:
            nearest = await nearest_chunks(connection, sources.documents, vector, self.embedding_model, most)
        return _in_order(choose(_passages(nearest, sources.documents), room), sources.documents)

    async def _documents(self, connection: Connection, audit: AuditCreated) -> list[EvidenceDocument]:
        if audit.document_ids is None:
            return await current_documents(connection)
        wanted = _ids(audit.document_ids)
        known = await named_documents(connection, wanted)
        failed = [f"{each.document_id} ({each.failure_code})" for each in known.values() if each.chunks_version is None]
        _refuse_failed("documents", failed)
        self._wait_for("documents", [each for each in wanted if each not in known])
        return [known[each] for each in wanted]

    async def _runs(self, connection: Connection, audit: AuditCreated) -> list[Passage]:
        wanted = _ids(audit.run_ids or ())
        if not wanted:
            return []
        known = await stored_runs(connection, wanted)
        _refuse_failed("runs", [f"{each.run_id} ({_end(each)})" for each in known.values() if _end(each)])
        self._wait_for("runs", [each for each in wanted if each not in known or known[each].status == "planned"])
        errors = await run_errors(connection, [each for each in known.values() if each.errors])
        return [run_passage(known[each], [error for error in errors if error.run_id == each]) for each in wanted]

    def _wait_for(self, kind: str, missing: Sequence[UUID]) -> None:
        if missing:
            told = _told(missing)
            raise Waiting(MISSING, f"{kind} that are not finished, or not this client's: {told}", self.wait_seconds)


def _refuse_failed(kind: str, failed: Sequence[str]) -> None:
    if failed:
        raise Permanent(MISSING, f"{kind} that failed: {_told(failed)}")


def _end(run: RunRow) -> str | None:
    """Why a run that ended has no results."""
    return run.failure_code or ("cancelled" if run.status == "cancelled" else None)


def _ids(texts: Iterable[str]) -> list[UUID]:
    return list(dict.fromkeys(map(UUID, texts)))


def _told(things: Sequence[object]) -> str:
    named = ", ".join(map(str, things[:NAMED_IN_A_MESSAGE]))
    more = len(things) - NAMED_IN_A_MESSAGE
    return f"{named} and {more} more" if more > 0 else named


def _passages(chunks: Sequence[EvidenceChunk], documents: Sequence[EvidenceDocument]) -> list[Passage]:
    names = {document.document_id: document.filename for document in documents}
    return [
        Passage(
            chunk_id=chunk.chunk_id,
            document_id=chunk.document_id,
            ordinal=chunk.ordinal,
            name=names[chunk.document_id],
            page=chunk.page,
            text=chunk.content,
            content_sha256=chunk.content_sha256,
            tokens=chunk.tokens,
        )
        for chunk in chunks
    ]


def _in_order(passages: Sequence[Passage], documents: Sequence[EvidenceDocument]) -> list[Passage]:
    """The passages as their documents are ordered, and in each as they stand there."""
    places = {document.document_id: place for place, document in enumerate(documents)}
    return sorted(passages, key=lambda passage: (places[passage.document_id], passage.ordinal))
