"""Reading topics from outside a worker, without a consumer group and without effect on one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer

from streams.kafka import KafkaConfig

POLL_MILLISECONDS = 200


@dataclass(frozen=True, slots=True)
class Incoming:
    """One record as it was read; `timestamp` in milliseconds since 1970."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]


class Reader:
    """Positions in some topics, and what comes after them."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self._consumer = consumer

    async def some(self) -> list[Incoming]:
        """The next records, or none after a short wait. Raises KafkaError."""
        batches = await self._consumer.getmany(timeout_ms=POLL_MILLISECONDS)
        return [
            Incoming(r.topic, r.partition, r.offset, r.timestamp, r.key, r.value, r.headers)
            for records in batches.values()
            for r in records
        ]

    async def records(self) -> AsyncIterator[Incoming]:
        """Every record from here on, as it comes."""
        while True:
            for record in await self.some():
                yield record


@asynccontextmanager
async def reader(kafka: KafkaConfig, topics: Sequence[str], *, from_start: bool = False) -> AsyncIterator[Reader]:
    """Reads topics from their end (`from_start`: their start) as they are on entering.

    Raises UnknownTopicOrPartitionError naming a topic that does not exist, and KafkaError.
    """
    # Without a group, aiokafka assigns every partition of the topics. It begins to look for its first positions on
    # starting, and what it finds then may come after the seek: so both have to ask for the same.
    consumer = AIOKafkaConsumer(
        *topics,
        **kafka.client_arguments(),
        auto_offset_reset="earliest" if from_start else "latest",
        enable_auto_commit=False,
        isolation_level="read_committed",
    )
    try:
        await consumer.start()
        if from_start:
            await consumer.seek_to_beginning()
        else:
            await consumer.seek_to_end()
        yield Reader(consumer)
    finally:
        await consumer.stop()
