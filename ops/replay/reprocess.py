"""Reprocessing: events that ended well are worked on again, each in a generation that the replay has allotted to it once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from events.build import of_generation
from events.envelope import MAX_GENERATION
from events.event import MAX_EVENT_BYTES, Event
from ops.again import as_it_was
from ops.allotting import allotting
from ops.replay.standing import Reading, Standing
from storage import audits, generations, run_generations
from storage.database import Connection, Database
from storage.faults import Fault
from storage.generations import Wish
from streams.read import Incoming

# What is known of natural keys: of each the highest generation that anything is stored of.
Newest = Callable[[Connection, Collection[UUID]], Awaitable[dict[UUID, int]]]


@dataclass(frozen=True, slots=True)
class Again:
    """How events of a flow are worked on again: those of type `asks`, in a generation above all that is stored."""

    asks: str
    newest: Newest


AGAIN: Mapping[str, Again] = {
    "runs": Again("run.requested.v1", run_generations.newest_generations),
    "audits": Again("audit.created.v1", audits.newest_generations),
}
# Why the events of a flow are not worked on again.
REFUSED: Mapping[str, str] = {
    "slices": "a slice is a part of its run: reprocess the run, from runs.requested",
    "documents": "a document that ended well says the same again; a new reading of it is a new version: publish that",
}


def refusal(flow: str) -> str | None:
    """Why events of a flow cannot be reprocessed; None if they can."""
    return None if flow in AGAIN else REFUSED.get(flow, "its results have no generations")


def goes_again(reading: Reading, standing: Standing) -> bool:
    """Whether an event is worked on again: it ended well, asks for results, and stays no larger than an event may be."""
    event = reading.identity
    if standing is not Standing.DONE or not isinstance(event, Event) or event.type != AGAIN[event.flow].asks:
        return False
    longest = of_generation(reading.record.value or b"", MAX_GENERATION, str(UUID(int=0)))
    return len(longest) <= MAX_EVENT_BYTES


class Reprocessing:
    """Makes of records their events' next generations, for one replay.

    A replay allots one generation to an event, however often it comes to it: again in its selection, or after a kill.
    """

    def __init__(self, database: Database, flow: str, replay_id: UUID, requested_by: str) -> None:
        self.database, self.flow = database, flow
        self.replay_id, self.requested_by = str(replay_id), requested_by

    async def records(self, readings: Sequence[Reading]) -> list[Incoming]:
        """What is published instead of the records of these events, each event once. Raises what the database raises."""
        firsts = dict[tuple[str, str], tuple[Incoming, Event]]()
        for reading in readings:
            if isinstance(reading.identity, Event):
                firsts.setdefault((reading.identity.source, reading.identity.id), (reading.record, reading.identity))
        allotted = await self._allotted([event for _, event in firsts.values()])
        return [self._record(record, allotted[who]) for who, (record, _) in firsts.items()]

    def _record(self, record: Incoming, generation: int) -> Incoming:
        return replace(as_it_was(record), value=of_generation(record.value or b"", generation, self.replay_id))

    async def _allotted(self, events: Sequence[Event]) -> dict[tuple[str, str], int]:
        """The generation of each event by its source and id, which commits before anything is published."""
        return await allotting(self.database, lambda connection: self._allot(connection, events), {Fault.AGAIN})

    async def _allot(self, connection: Connection, events: Sequence[Event]) -> dict[tuple[str, str], int]:
        keys = {event.key: UUID(event.data.natural_key()) for event in events}
        # Several events may have asked for one run: its next generation is above those of all of them.
        newest = await AGAIN[self.flow].newest(connection, set(keys.values()))
        wishes = [Wish(event.source, event.id, max(event.generation, newest.get(keys[event.key], 0))) for event in events]
        return await generations.allot_once(connection, self.flow, wishes, self.replay_id, self.requested_by)
