"""The flow `audits`: evidence and an assignment become findings whose quotes hold, and one completion."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from events.event import Event
from events.failures import Conflict, Failure, Permanent, Reason, Transient, Waiting
from handlers.answer import Answer
from handlers.audit.asking import Asking
from handlers.audit.gathering import Gathering, Sources
from handlers.audit.question import Questions
from handlers.audit.stored import Audited, answer_of, audit_row, finding_rows, request_sha256
from handlers.llm import Asker
from handlers.resources import Resources
from storage.audits import AuditRow, StoredAudit, insert_audits, is_settled, replace_findings, stored_audits
from storage.database import Connection
from storage.llm_calls import spent

NAME = "audits"

Made = tuple[AuditRow, Audited | Failure]


@dataclass(slots=True)
class Loaded:
    """What the audit is about; None where it needs no work, because what is stored under its id stands."""

    started_at: datetime
    sources: Sources | None = None


class AuditsFlow:
    """Audits: finds what they are about in `load`, asks the model in `work`, writes what holds in `save`."""

    def __init__(self, resources: Resources) -> None:
        self.database, self.settings = resources.database, resources.audits
        llm = resources.need_llm()
        questions = Questions(llm, self.database, resources.documents.embedding_model)
        self.gathering = Gathering(self.database, questions.embedding_model, self.settings.wait_seconds)
        self.asking = Asking(llm, self.gathering, questions, self.settings)

    async def load(self, events: Sequence[Event]) -> list[Loaded | Failure]:
        """The documents and runs of each audit, all of them finished; or that it waits for some, or is stored already."""
        return await asyncio.gather(*(self._load(event) for event in events))

    async def work(self, events: Sequence[Event], loaded: Sequence[Loaded]) -> list[Audited | Failure | None]:
        """Asks the model about each audit that is not stored; None for those that are."""
        return await asyncio.gather(*(self._work(event, each) for event, each in zip(events, loaded, strict=True)))

    async def save(
        self, connection: Connection, events: Sequence[Event], results: Sequence[Audited | Failure | None]
    ) -> list[Answer | Conflict]:
        """One row an audit under its natural key, the findings of audits that are new; every event gets what is stored."""
        made = await self._insert(connection, events, results)
        holders = await stored_audits(connection, [_audit_id(event) for event in events])
        return [_answer(event, made.get(event.key), holders[_audit_id(event)]) for event in events]

    async def _load(self, event: Event) -> Loaded | Failure:
        loaded = Loaded(datetime.now(UTC))
        try:
            async with self.database.connection() as connection:
                if await is_settled(connection, _audit_id(event), event.generation, request_sha256(event)):
                    return loaded
            loaded.sources = await self.gathering.sources(event.client_id, event.data)
        except (Permanent, Waiting) as failure:
            return failure
        return loaded

    async def _work(self, event: Event, loaded: Loaded) -> Audited | Failure | None:
        if loaded.sources is None:
            return None
        asker = Asker(event.client_id, NAME, UUID(bytes=event.key))
        try:
            return await self.asking.audit(asker, event.data, loaded.sources, loaded.started_at)
        except (Permanent, Transient) as failure:
            return failure

    async def _insert(
        self, connection: Connection, events: Sequence[Event], results: Sequence[Audited | Failure | None]
    ) -> dict[bytes, AuditRow]:
        """The rows of what was worked on, by the events' keys; they are stored where they are the ones to be read."""
        now, model = datetime.now(UTC), self.settings.model
        costs = await spent(connection, [UUID(bytes=event.key) for event in events])
        made = [
            (audit_row(event, result, costs.get(UUID(bytes=event.key)), model, now), result)
            for event, result in zip(events, results, strict=True)
            if result is not None
        ]
        chosen = _chosen(made)
        new = await insert_audits(connection, [row for row, _ in chosen.values()])
        await replace_findings(connection, new, [each for audit_id in new for each in finding_rows(*chosen[audit_id])])
        worked = [event for event, result in zip(events, results, strict=True) if result is not None]
        return {event.key: row for event, (row, _) in zip(worked, made, strict=True)}


def _audit_id(event: Event) -> UUID:
    return UUID(event.data.audit_id)


def _chosen(made: Sequence[Made]) -> dict[UUID, Made]:
    """Of each audit's first request the one to be stored: the newest that has not failed, else the newest."""
    chosen: dict[UUID, Made] = {}
    for row, result in made:
        held, _ = chosen.setdefault(row.audit_id, (row, result))
        newer = (row.status != "failed", row.generation) > (held.status != "failed", held.generation)
        if newer and row.request_sha256 == held.request_sha256:
            chosen[row.audit_id] = row, result
    return chosen


def _answer(event: Event, made: AuditRow | None, holder: StoredAudit) -> Answer | Conflict:
    if holder.row.request_sha256 == request_sha256(event):
        if made is not None and made.status == "failed" and made.generation > holder.row.generation:
            holder = StoredAudit(made, [])  # done again: what is read stays, but its event is told of the failure
        return answer_of(holder)
    return Conflict(Reason.INPUT_CONFLICT, f"audit_id {event.data.audit_id} was requested before with another input or client")
