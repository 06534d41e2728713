"""The starts of a worker with its partitions: written down before the first record goes on, taken back in good order."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from typing import TypeVar
from uuid import UUID

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition

from storage import starts
from storage.database import Connection, Database
from storage.starts import Left, Start
from streams.backoff import Backoff
from streams.careful import Careful
from streams.item import Item
from streams.lane import Lane
from streams.suspicion import NOTHING, careful_until

log = structlog.get_logger(__name__)

T = TypeVar("T")


class Begun:
    """One assignment of one partition.

    `start` is None until it is written down, and `queued` counts the fetches that wait for something. `watched`: what is taken
    in is written down first. Up to offset `until` records go alone. `in_hand` is the one of these that is worked on now.
    """

    __slots__ = ("in_hand", "left", "queued", "start", "until", "watched")

    def __init__(self) -> None:
        self.start: Start | None = None
        self.queued, self.until = 0, NOTHING
        self.watched = self.left = False
        self.in_hand: int | None = None

    def is_plain(self, offset: int) -> bool:
        """Whether records from `offset` on need nothing of all this."""
        return self.start is not None and not self.queued and not self.watched and offset > self.until


class Starts:
    """What stands between the intake of one lane and its queue. Costs a look into a dict for each fetch.

    What has to be written down is done one after the other, however long Postgres is away.
    """

    def __init__(self, lane: Lane, careful: Careful, database: Database, owner: UUID) -> None:
        self.lane, self.careful, self.database, self.owner = lane, careful, database, owner
        self.flow = lane.spec.name
        self.backoff = Backoff(base=0.2, cap=5.0)
        self._begun: dict[TopicPartition, Begun] = {}
        self._orders: asyncio.Queue[Callable[[], Awaitable[None]]] = asyncio.Queue()
        lane.admit = self.admit

    def assigned(self, consumer: AIOKafkaConsumer, partitions: Iterable[TopicPartition]) -> None:
        """Begins with partitions, in the background: the callback of a rebalance must not wait."""
        begun = {each: Begun() for each in partitions}
        self._begun |= begun
        if begun:
            self._orders.put_nowait(partial(self._begin, consumer, begun))

    def left(self, partitions: Iterable[TopicPartition]) -> None:
        """Takes the starts with partitions back, in the background: this worker lives."""
        gone = {each: self._begun.pop(each) for each in partitions if each in self._begun}
        for begun in gone.values():
            begun.left = True
        if gone:
            self._orders.put_nowait(partial(self._leave, gone))

    def admit(self, items: Sequence[Item]) -> None:
        """Takes a fetch of one partition: into the lane's queue, as a rule."""
        first = items[0]
        begun = self._begun.get(TopicPartition(first.topic, first.partition))
        if begun is None or begun.is_plain(first.offset):
            self.lane.feed(items)
        else:
            begun.queued += 1
            self._orders.put_nowait(partial(self._admit, begun, items))

    async def run(self) -> None:
        """Carries out what is to be written down, until cancelled."""
        while True:
            order = await self._orders.get()
            await order()
            self._orders.task_done()

    async def close(self) -> None:
        """Takes all starts back; whoever calls this bounds it."""
        self.left(list(self._begun))
        await self._orders.join()

    async def _begin(self, consumer: AIOKafkaConsumer, begun: dict[TopicPartition, Begun]) -> None:
        async def ask() -> dict[tuple[str, int], Start]:
            held = [each for each, state in begun.items() if not state.left]
            offsets = {(each.topic, each.partition): await consumer.committed(each) or 0 for each in held}
            if not offsets:
                return {}
            async with self.database.connection() as connection:
                return await starts.begin(connection, self.flow, self.owner, offsets)

        for (topic, number), start in (await self._patiently(ask)).items():
            state = begun[TopicPartition(topic, number)]
            state.start, state.watched, state.until = start, start.starts > 1, careful_until(start)
            if state.until != NOTHING:
                log.warning("careful_mode", agent=self.flow, **start._asdict(), until=state.until)

    async def _admit(self, begun: Begun, items: Sequence[Item]) -> None:
        first, last = items[0], items[-1]
        if begun.watched and not begun.left:
            await self.write(lambda connection: starts.reach(connection, self.flow, last.topic, last.partition, last.offset))
        fetch = first.fetch
        begun.watched = begun.watched and fetch is not None and fetch.partition.watermark is None
        begun.queued -= 1
        alone = [item for item in items if item.offset <= begun.until]
        _count_alone(alone, items)
        self.careful.put([Fetched(self, begun, item) for item in alone])
        self.lane.feed([item for item in items if item.offset > begun.until])

    async def _leave(self, gone: dict[TopicPartition, Begun]) -> None:
        left = [
            Left(key.topic, key.partition, begun.start.offset, begun.in_hand)
            for key, begun in gone.items()
            if begun.start is not None
        ]
        if left:
            await self.write(lambda connection: starts.leave(connection, self.flow, self.owner, left))

    async def write(self, statement: Callable[[Connection], Awaitable[T]]) -> T:
        """Carries out a statement, however long Postgres is away."""

        async def ask() -> T:
            async with self.database.connection() as connection:
                return await statement(connection)

        return await self._patiently(ask)

    async def _patiently(self, ask: Callable[[], Awaitable[T]]) -> T:
        attempt = 0
        while True:
            try:
                return await ask()
            except Exception as error:  # noqa: BLE001 - whatever it is, nothing may go on before this is written down
                attempt += 1
                log.warning("starts_wait", agent=self.flow, error=repr(error), attempt=attempt)
                await asyncio.sleep(self.backoff.delay(attempt))


def _count_alone(alone: Sequence[Item], items: Sequence[Item]) -> None:
    """Lets offsets pass each record that goes alone: a worker that dies meanwhile must not have gone its way in vain."""
    for fetch in {item.fetch for item in alone}:
        if fetch is not None:
            own = [item for item in items if item.fetch is fetch]
            ends = [*(item.offset + 1 for item in own[:-1]), fetch.end]
            for item, part in zip(own, fetch.partition.split(fetch, ends), strict=True):
                item.fetch = part


class Fetched:
    """A record from Kafka that may be what kills: its traces stand in the row of its partition."""

    def __init__(self, starts_: Starts, begun: Begun, item: Item) -> None:
        self.starts, self.begun, self.item = starts_, begun, item
        start = begun.start
        known = start is not None and start.in_hand == item.offset
        self.deaths, self.decoded = (start.deaths, start.decoded) if start is not None and known else (0, False)

    async def take(self) -> Item | None:
        if not self.starts.lane.present([self.item]):
            return None
        self.begun.in_hand = self.item.offset
        await self._write(self.item.offset, self.deaths + 1)
        return self.item

    async def survived(self) -> None:
        await self._write(self.item.offset, self.deaths + 1, decoded=True)

    async def put_down(self) -> None:
        self.begun.in_hand = None
        await self._write(None, 0)

    async def put_back(self) -> bool:
        await self.put_down()
        return True

    async def _write(self, in_hand: int | None, deaths: int, *, decoded: bool = False) -> None:
        whose, place = (self.starts.flow, self.starts.owner), (self.item.topic, self.item.partition)
        await self.starts.write(lambda connection: starts.take(connection, *whose, place, in_hand, deaths, decoded=decoded))
