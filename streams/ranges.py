"""Ranges of a topic's offsets: where they begin and end, and their records, read without effect on any consumer group.

Only what is committed counts: a range may have gaps, where transactions were aborted, where they ended, and where a topic was
compacted.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import OffsetOutOfRangeError

from events.failures import MillraceError
from streams.away import kafka_errors_as_outages
from streams.header_names import read_any_header_name
from streams.kafka import KafkaConfig
from streams.lag import PartitionLag, partition_lags
from streams.read import Incoming

POLL_MILLISECONDS = 200
# Silence after which Kafka is asked whether it is still there; a client that lost it says nothing by itself.
SILENCE = 2.0
PARTITION_BYTES = 1024 * 1024
FETCH_BYTES = 4 * PARTITION_BYTES


class RecordsDeleted(MillraceError):  # noqa: N818 - what has happened
    """Kafka no longer has what is to be read: its first record of the partition now stands at `start`."""

    def __init__(self, partition: int, offset: int, start: int) -> None:
        super().__init__(f"partition {partition}: Kafka has no records from offset {offset} on; those it has begin at {start}")
        self.partition, self.offset, self.start = partition, offset, start


class Range(NamedTuple):
    """Offsets of one partition, from `first` up to, without it, `end`."""

    first: int
    end: int


async def places(kafka: KafkaConfig, topic: str, group: str) -> list[PartitionLag]:
    """The topic's partitions, where `group` stands in each, and what is committed of it.

    Raises UnknownTopicOrPartitionError naming a topic that does not exist, and KafkaError.
    """
    found = (await partition_lags(kafka, {group: topic}))[group]
    async with _consumer(kafka) as consumer:
        ends = await consumer.end_offsets([TopicPartition(topic, each.partition) for each in found])
    return [each._replace(end=ends[TopicPartition(topic, each.partition)]) for each in found]


async def offsets_at(kafka: KafkaConfig, topic: str, partitions: Collection[int], at: datetime) -> dict[int, int | None]:
    """The first offset of each partition whose record is from `at` or later; None where there is none. Raises KafkaError."""
    milliseconds = int(at.timestamp() * 1000)
    async with _consumer(kafka) as consumer:
        found = await consumer.offsets_for_times({TopicPartition(topic, each): milliseconds for each in partitions})
    return {place.partition: None if at is None else at.offset for place, at in found.items()}


class RangeReader:
    """Reads what is left of some ranges of a topic, each partition in order; it begins anew by itself after an outage.

    `positions` says, of each partition, where what was not handed out yet begins.
    """

    def __init__(self, kafka: KafkaConfig, topic: str, ranges: Mapping[int, Range]) -> None:
        self.kafka, self.topic = kafka, topic
        self.positions = {partition: each.first for partition, each in ranges.items()}
        self._ends = {partition: each.end for partition, each in ranges.items()}
        self._consumer: AIOKafkaConsumer | None = None
        self._heard = 0.0

    @property
    def left(self) -> dict[int, Range]:
        """What was not handed out yet."""
        return {
            each: Range(position, self._ends[each]) for each, position in self.positions.items() if position < self._ends[each]
        }

    async def some(self, limit: int) -> list[Incoming]:
        """The next records, at most `limit`; none when there are only gaps, or nothing came for a moment.

        Raises Outage when Kafka is away, RecordsDeleted, and LookupError when the topic is gone.
        """
        if not self.left:
            return []
        try:
            with kafka_errors_as_outages():
                return await self._some(limit)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Ends the connection; the next call of `some` makes another."""
        if self._consumer is not None:
            consumer, self._consumer = self._consumer, None
            await consumer.stop()

    async def _some(self, limit: int) -> list[Incoming]:
        consumer = await self._ready()
        try:
            fetched = await consumer.getmany(timeout_ms=POLL_MILLISECONDS, max_records=limit)
        except OffsetOutOfRangeError as error:
            raise await self._deleted(consumer, error) from None
        found = [
            Incoming(r.topic, r.partition, r.offset, r.timestamp, r.key, r.value, r.headers)
            for place, records in fetched.items()
            for r in records
            if r.offset < self._ends[place.partition]
        ]
        moved = await self._moved(consumer)
        await self._listen(consumer, heard=moved != self.positions)
        self.positions = moved
        return found

    async def _ready(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            read_any_header_name()
            # With `none`, records that are gone are an error instead of a leap to others.
            consumer = AIOKafkaConsumer(**_arguments(self.kafka), auto_offset_reset="none")
            self._consumer = consumer
            await consumer.start()
            consumer.assign([TopicPartition(self.topic, partition) for partition in self.left])
            for partition, each in self.left.items():
                consumer.seek(TopicPartition(self.topic, partition), each.first)
            self._heard = asyncio.get_running_loop().time()
        return self._consumer

    async def _moved(self, consumer: AIOKafkaConsumer) -> dict[int, int]:
        moved = dict(self.positions)
        for partition, left in self.left.items():
            place = TopicPartition(self.topic, partition)
            moved[partition] = min(await consumer.position(place), left.end)
            if moved[partition] == left.end:
                consumer.pause(place)
        return moved

    async def _listen(self, consumer: AIOKafkaConsumer, *, heard: bool) -> None:
        now = asyncio.get_running_loop().time()
        if not heard and now - self._heard > SILENCE:
            starts = await consumer.beginning_offsets([TopicPartition(self.topic, each) for each in self.left])
            for place, start in starts.items():
                if start > self.positions[place.partition]:
                    raise RecordsDeleted(place.partition, self.positions[place.partition], start)
            heard = True
        if heard:
            self._heard = now

    async def _deleted(self, consumer: AIOKafkaConsumer, error: OffsetOutOfRangeError) -> RecordsDeleted:
        [(place, offset)] = error.args[0].items()
        starts = await consumer.beginning_offsets([place])
        return RecordsDeleted(place.partition, offset, starts[place])


def _arguments(kafka: KafkaConfig) -> dict[str, object]:
    return kafka.client_arguments() | {
        "enable_auto_commit": False,
        "isolation_level": "read_committed",
        "fetch_max_bytes": FETCH_BYTES,
        "max_partition_fetch_bytes": PARTITION_BYTES,
    }


@asynccontextmanager
async def _consumer(kafka: KafkaConfig) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(**_arguments(kafka))
    try:
        await consumer.start()
        yield consumer
    finally:
        await consumer.stop()
