"""The watermark: how far each partition is finished without a gap, and committing it to Kafka.

Only whole fetches count: the offset of a partition passes a fetch when nothing of it, and nothing before it, is left.
What a fetch delivered is what counts, not the numbers between, because transactions and compaction leave gaps. A large
fetch is counted in parts, so that a worker that does not live long leaves progress behind.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from streams import metrics

log = structlog.get_logger(__name__)

PART = 250


class Fetch:
    """Records that came together from one partition; `left` counts those that are not finished."""

    __slots__ = ("end", "left", "partition")

    def __init__(self, partition: Partition, end: int, left: int) -> None:
        self.partition, self.end, self.left = partition, end, left


class Partition:
    """One assignment of one partition. After a revocation it is dead, and a later assignment is another object."""

    __slots__ = ("begin", "committed", "dead", "end", "fetches", "topic_partition", "watermark")

    def __init__(self, topic_partition: TopicPartition) -> None:
        self.topic_partition = topic_partition
        self.fetches: deque[Fetch] = deque()
        self.dead = False
        self.begin: int | None = None
        self.end: int | None = None
        self.watermark: int | None = None
        self.committed: int | None = None

    def deliver(self, begin: int, end: int, count: int) -> Fetch:
        """Registers a batch of `count` records, the first at offset `begin`, the last at `end` - 1."""
        fetch = Fetch(self, end, count)
        if self.begin is None:
            self.begin = begin
        self.fetches.append(fetch)
        self.end = end
        return fetch

    def split(self, fetch: Fetch, ends: Sequence[int]) -> list[Fetch]:
        """Has the records of a fetch, none of which is finished, count one by one; `ends` are their offsets, each plus one."""
        parts = [Fetch(self, end, 1) for end in ends]
        place = self.fetches.index(fetch)
        del self.fetches[place]
        for part in reversed(parts):
            self.fetches.insert(place, part)
        return parts

    def advance(self) -> bool:
        """Passes the fetches of which nothing is left; tells whether the watermark moved."""
        moved = False
        while self.fetches and self.fetches[0].left == 0:
            self.watermark = self.fetches.popleft().end
            moved = True
        return moved


class Offsets:
    """The partitions that one consumer holds, and the task that commits their watermarks."""

    def __init__(self, flow: str, *, interval: float = 0.1, pause: float = 1.0, timeout: float = 10.0) -> None:
        self.flow, self.interval, self.pause, self.timeout = flow, interval, pause, timeout
        self.partitions: dict[TopicPartition, Partition] = {}
        self.consumer: Callable[[], AIOKafkaConsumer | None] = lambda: None
        self.checked = asyncio.Event()
        self._moved = asyncio.Event()

    def partition(self, topic: str, number: int) -> Partition:
        """The living state of an assigned partition, made when its first record comes."""
        topic_partition = TopicPartition(topic, number)
        found = self.partitions.get(topic_partition)
        if found is None:
            found = self.partitions[topic_partition] = Partition(topic_partition)
        return found

    def deliver(self, records: Sequence[ConsumerRecord], end: int) -> list[Fetch]:
        """Registers a batch of one partition, behind which `end` is read next; for each record what it is counted in."""
        partition, found = self.partition(records[0].topic, records[0].partition), list[Fetch]()
        for start in range(0, len(records), PART):
            part = records[start : start + PART]
            until = part[-1].offset + 1 if start + PART < len(records) else end
            found += [partition.deliver(part[0].offset, until, len(part))] * len(part)
        return found

    def finish(self, fetches: Iterable[Fetch]) -> None:
        """One record of each fetch, which stands there once for each of its records, has its outcome in Postgres."""
        ended = set[Partition]()
        for fetch in fetches:
            fetch.left -= 1
            if not fetch.left:
                ended.add(fetch.partition)
        for partition in ended:
            if partition.advance():
                self._moved.set()

    def revoke(self, topic_partitions: Iterable[TopicPartition]) -> list[Partition]:
        """Marks partitions as dead and forgets them; their records in hand may still end, but commit nothing."""
        gone = [self.partitions.pop(each) for each in topic_partitions if each in self.partitions]
        for partition in gone:
            partition.dead = True
        return gone

    async def lags(self) -> list[tuple[str, int, int]]:
        """Topic, partition, and how many records Kafka has beyond what is finished, of every partition that is held."""
        consumer, found = self.consumer(), list[tuple[str, int, int]]()
        if consumer is None:
            return found
        for key in consumer.assignment():
            end = consumer.highwater(key)
            if end is not None:
                found.append((key.topic, key.partition, max(0, end - await self._finished(consumer, key))))
        return found

    async def _finished(self, consumer: AIOKafkaConsumer, key: TopicPartition) -> int:
        partition = self.partitions.get(key)
        known = None if partition is None else partition.begin if partition.watermark is None else partition.watermark
        if known is not None:
            return known
        position: int = await consumer.position(key)  # known without asking, once there is a high watermark
        return position

    async def run(self) -> None:
        """Commits what has moved, at once when idle and at most every `interval` seconds, until cancelled."""
        while True:
            await self._moved.wait()
            await self.checked.wait()
            self._moved.clear()
            if not await self.commit(self.partitions.values()):
                self._moved.set()
                await asyncio.sleep(self.pause)
            await asyncio.sleep(self.interval)

    async def commit(self, partitions: Iterable[Partition]) -> bool:
        """Commits the watermarks that have moved; tells whether nothing is left to commit.

        Nothing is committed while it is being checked whether Kafka still has what comes next (see `retention`).
        """
        due = {each.topic_partition: each for each in partitions if each.watermark not in {None, each.committed}}
        offsets = {key: each.watermark for key, each in due.items() if each.watermark is not None}
        consumer = self.consumer()
        if not offsets or consumer is None:
            return True
        if not self.checked.is_set():
            return False
        try:
            async with asyncio.timeout(self.timeout):
                await consumer.commit(offsets)
        except (KafkaError, TimeoutError) as error:
            # Records that come again are skipped by the inbox; only time is lost.
            metrics.OFFSET_COMMITS_FAILED.labels(self.flow).inc()
            log.warning("offset_commit_failed", agent=self.flow, error=repr(error))
            return False
        for key, offset in offsets.items():
            due[key].committed = offset
        return True
