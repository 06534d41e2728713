"""Publishing records from outside a worker: what upstream systems and the command line do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiokafka import AIOKafkaProducer

from streams.kafka import KafkaConfig

RECORDS_IN_FLIGHT = 500
LARGEST_REQUEST = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One record to publish."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = ()


async def publish(
    kafka: KafkaConfig, records: Sequence[Outgoing], on_progress: Callable[[int], None] | None = None
) -> list[tuple[int, int]]:
    """Publishes records in order and waits until every replica has them; returns each one's partition and offset.

    `on_progress` is told how many have arrived so far. Raises KafkaError; what was sent before stays sent.
    """
    places: list[tuple[int, int]] = []
    async with _producer(kafka) as producer:
        for start in range(0, len(records), RECORDS_IN_FLIGHT):
            some = records[start : start + RECORDS_IN_FLIGHT]
            sent = [
                await producer.send(record.topic, record.value, record.key, headers=list(record.headers)) for record in some
            ]
            arrived = await asyncio.gather(*sent)
            places += [(each.partition, each.offset) for each in arrived]
            if on_progress is not None:
                on_progress(len(places))
    return places


@asynccontextmanager
async def _producer(kafka: KafkaConfig) -> AsyncIterator[AIOKafkaProducer]:
    producer = AIOKafkaProducer(
        **kafka.client_arguments(), enable_idempotence=True, acks="all", max_request_size=LARGEST_REQUEST
    )
    try:
        await producer.start()
        yield producer
    finally:
        await producer.stop()
