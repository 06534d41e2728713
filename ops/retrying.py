"""Dead letters go again: an event that failed in its next generation, a record that was rejected just as it came."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID, uuid4

import structlog

from events.failures import Outage
from ops.again import batches, refusal, row_of, value_of, was_accepted
from ops.allotting import allotting
from storage import dead_letters, generations, outbox
from storage.database import Connection, Database
from storage.dead_letters import Letter
from storage.faults import Fault
from storage.generations import Wanted
from storage.outbox import OutboxRow
from streams.away import kafka_errors_as_outages
from streams.publisher import Publisher

log = structlog.get_logger(__name__)

PAGE = 1000


@dataclass(frozen=True, slots=True)
class Retried:
    """What became of one letter: why it was `refused`, or the `generation` that it was allotted, if it needed one.

    `letter` is None where there is none.
    """

    letter_id: UUID
    letter: Letter | None = None
    refused: str | None = None
    generation: int | None = None


@dataclass(slots=True)
class Decided:
    """A batch whose transaction has committed."""

    answers: list[Retried] = field(default_factory=list)
    outbox: list[OutboxRow] = field(default_factory=list)


class Retrying:
    """One operator's retry of any number of letters, under one replay id.

    A batch is decided in one transaction: generations, outbox rows, the letters' status. Then it is published; what is
    not, because Kafka or this process is gone, a worker's relay publishes once its claim has run out. So a record
    goes out at least once: an event is recognised by its key, a rejected record may leave a second letter.

    `topics` are those that Kafka has: a record for another would hold up the relays for ever.
    """

    def __init__(self, database: Database, publisher: Publisher, topics: Collection[str], requested_by: str) -> None:
        self.database, self.publisher, self.topics, self.requested_by = database, publisher, topics, requested_by
        self.replay_id, self.owner = str(uuid4()), uuid4()

    async def retry(self, letters: Sequence[UUID]) -> list[Retried]:
        """Sends the records of a batch of letters again; tells what became of each, in their order.

        Raises what the database raises, with nothing done, and Outage when Kafka is away, with all of it decided and
        left to the workers.
        """
        decided = await self._decided(letters)
        if decided.outbox:
            self._log(decided)
            await self._publish(decided.outbox)
        return decided.answers

    def _log(self, decided: Decided) -> None:
        """Of a rejected record, which is allotted no generation, nothing else says who sent it again."""
        letters = [str(each.letter_id) for each in decided.answers if each.refused is None]
        log.info("letters_retried", requested_by=self.requested_by, replay_id=self.replay_id, letters=letters)

    async def _decided(self, letters: Sequence[UUID]) -> Decided:
        # Another operator may hold a letter, too.
        return await allotting(self.database, lambda connection: self._decide(connection, letters), {Fault.AGAIN, Fault.CUT})

    async def _decide(self, connection: Connection, letters: Sequence[UUID]) -> Decided:
        found = await dead_letters.lock(connection, letters)
        refused = {each: why for each in letters if (why := self._refusal(found.get(each))) is not None}
        going = [found[each] for each in letters if each not in refused]
        wanted = [_wanted(letter) for letter in going if was_accepted(letter)]
        allotted = await generations.allot(connection, wanted, self.replay_id, self.requested_by)
        decided = Decided(
            [Retried(each, found.get(each), refused.get(each), allotted.get(each)) for each in letters],
            [self._row(letter, allotted) for letter in going],
        )
        await outbox.add(connection, decided.outbox)
        await dead_letters.mark_replayed(connection, [letter.id for letter in going])
        return decided

    def _refusal(self, letter: Letter | None) -> str | None:
        return refusal(letter, self.topics, self.replay_id)

    def _row(self, letter: Letter, allotted: Mapping[UUID, int]) -> OutboxRow:
        return row_of(letter, value_of(letter, allotted.get(letter.id), self.replay_id), self.owner)

    async def _publish(self, rows: Sequence[OutboxRow]) -> None:
        try:
            with kafka_errors_as_outages():
                arrived, refused = await self.publisher.publish(rows)
        except Outage as outage:
            # What caused it would look like an error of the database.
            raise Outage(outage.code, outage.message) from None
        async with self.database.connection() as connection:
            await outbox.delete(connection, [row.id for row in arrived])
            for each in refused:
                await outbox.park(connection, each.row.id, str(each))


class Choice(Protocol):
    """The letters that an operator means; `number` of them when they were chosen."""

    number: int

    def batches(self, database: Database) -> AsyncIterator[list[UUID]]:
        """The letters, batch by batch."""
        ...


class Named:
    """Letters by their ids, in the order in which they were named."""

    def __init__(self, ids: Iterable[UUID]) -> None:
        self.ids = list(dict.fromkeys(ids))
        self.number = len(self.ids)

    async def batches(self, database: Database) -> AsyncIterator[list[UUID]]:
        """All of them, whether they are dead or not: an answer is due to each."""
        async with database.connection() as connection:
            sizes = await dead_letters.sizes(connection, self.ids)
        for batch in batches((each, sizes.get(each, 0)) for each in self.ids):
            yield batch


class AllDead:
    """The letters that are dead now, of one reason or flow or of any; what dies later is not among them."""

    def __init__(self, reason: str | None, flow: str | None, number: int, until: datetime) -> None:
        self.reason, self.flow, self.number, self.until = reason, flow, number, until

    @classmethod
    async def of(cls, database: Database, reason: str | None, flow: str | None) -> AllDead:
        """Counts them, by the database's clock."""
        async with database.connection() as connection:
            return cls(reason, flow, *await dead_letters.count_dead(connection, reason, flow))

    async def batches(self, database: Database) -> AsyncIterator[list[UUID]]:
        """Those that are still dead when their turn comes, by age."""
        last = None
        while True:
            async with database.connection() as connection:
                page = await dead_letters.next_dead(connection, self.reason, self.flow, self.until, last, PAGE)
            for batch in batches(page):
                yield batch
            if len(page) < PAGE:
                return
            last = page[-1][0]


def _wanted(letter: Letter) -> Wanted:
    assert letter.source is not None and letter.event_id is not None  # noqa: S101, PT018 - what was accepted has them
    return Wanted(letter.flow, letter.source, letter.event_id, letter.generation or 0, letter.id)
