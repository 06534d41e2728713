"""The events of the benchmarks, the table they end in, and topics full of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import orjson
from aiokafka import AIOKafkaProducer

from streams.kafka import KafkaConfig

TABLE = "create table if not exists readings (event_id text, sensor text, value float8)"
PARTITIONS = 12
BATCH_BYTES = 256 * 1024
CHUNK = 5_000


def reading_id(number: int) -> str:
    """The id of an event."""
    return f"reading-{number:012d}"


def reading(number: int, padding: int = 0) -> bytes:
    """An event of about 250 bytes, or of so many more."""
    data = {"sensor": f"sensor-{number % 5000:06d}", "value": number / 7, "unit": "kWh"}
    return orjson.dumps(
        {
            "specversion": "1.0",
            "id": reading_id(number),
            "source": "/benchmarks/sensors",
            "type": "reading.taken.v1",
            "time": "2026-11-20T10:00:00Z",
            "clientid": "acme",
            "data": data | ({"note": "x" * padding} if padding else {}),
        }
    )


@asynccontextmanager
async def producing(kafka: KafkaConfig, *, batch_bytes: int = BATCH_BYTES) -> AsyncIterator[AIOKafkaProducer]:
    """A producer that waits for all replicas."""
    producer = AIOKafkaProducer(
        **kafka.client_arguments(),
        acks="all",
        enable_idempotence=True,
        max_batch_size=batch_bytes,
        max_request_size=4 * batch_bytes,
    )
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


async def fill(kafka: KafkaConfig, topic: str, numbers: Iterable[int]) -> None:
    """Publishes these events in order, dealt to the partitions in turn, and waits until they have arrived."""
    async with producing(kafka) as producer:
        chunk: list[int] = []
        for number in numbers:
            chunk.append(number)
            if len(chunk) == CHUNK:
                await send(producer, topic, {number: reading(number) for number in chunk})
                chunk = []
        await send(producer, topic, {number: reading(number) for number in chunk})


async def send(producer: AIOKafkaProducer, topic: str, events: dict[int, bytes]) -> None:
    """Publishes each event to the partition that its number falls on, in batches of as many as fit."""
    dealt: dict[int, list[tuple[int, bytes]]] = defaultdict(list)
    for number, value in events.items():
        dealt[number % PARTITIONS].append((number, value))
    sent = []
    for partition, pairs in dealt.items():
        batch = producer.create_batch()
        for number, value in pairs:
            key = str(number).encode()
            if batch.append(key=key, value=value, timestamp=None) is None:
                sent.append(await producer.send_batch(batch, topic, partition=partition))
                batch = producer.create_batch()
                batch.append(key=key, value=value, timestamp=None)
        sent.append(await producer.send_batch(batch, topic, partition=partition))
    for each in sent:
        await each
