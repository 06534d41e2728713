"""FastStream, with Millrace's own versions of it: `--variant message` as its documentation shows, or `--variant batch`.

For each message: SET NX, insert, publish, acknowledge. For each batch: the same, each step once for all of them. Either
marks an event as done before it is, so what is in hand when the process dies is lost.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from typing import Any

import redis.asyncio
from faststream import AckPolicy
from faststream.kafka import KafkaBroker, KafkaMessage, KafkaPublishMessage
from pydantic import BaseModel
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from benchmarks.work import Assignment, Stopwatch, report

INSERT = text("insert into readings (event_id, sensor, value) values (:event_id, :sensor, :value)")
DAY = 86_400
BATCH, BATCH_BYTES = 500, 256 * 1024


class Reading(BaseModel):
    sensor: str
    value: float
    unit: str


class Message(BaseModel):
    id: str
    source: str
    data: Reading


class Service:
    """Broker, tables and keys, and what has been done."""

    def __init__(self, work: Assignment) -> None:
        self.work, self.watch, self.done, self.finished = work, Stopwatch(), 0, asyncio.Event()
        servers = os.environ["KAFKA_BOOTSTRAP_SERVERS"]
        # A batch that does not fit raises, after its keys are taken: its events would be lost.
        self.broker = KafkaBroker(servers, acks="all", enable_idempotence=True, max_batch_size=BATCH_BYTES, logger=None)
        url = os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+asyncpg://")
        self.database: AsyncEngine = create_async_engine(url)
        self.keys = redis.asyncio.Redis.from_url(os.environ["REDIS_URL"])
        common: dict[str, Any] = {
            "group_id": work.group,
            "auto_offset_reset": "earliest",
            "ack_policy": AckPolicy.MANUAL,
        }
        if work.variant == "batch":
            milliseconds = int(work.linger * 1000)
            subscriber = self.broker.subscriber(
                work.source, batch=True, max_records=BATCH, batch_timeout_ms=milliseconds, **common
            )
            subscriber(self.batch)
        else:
            self.broker.subscriber(work.source, **common)(self.one)

    async def one(self, event: Message, message: KafkaMessage) -> None:
        self.watch.start()
        if await self.keys.set(self._key(event), 1, nx=True, ex=DAY):
            async with self.database.begin() as connection:
                await connection.execute(INSERT, _row(event))
            await self.broker.publish(_completion(event), self.work.target, key=event.data.sensor.encode())
        await message.ack()
        self._count(1)

    async def batch(self, events: list[Message], message: KafkaMessage) -> None:
        self.watch.start()
        async with self.keys.pipeline(transaction=False) as pipe:
            for event in events:
                pipe.set(self._key(event), 1, nx=True, ex=DAY)
            is_new = await pipe.execute()
        fresh = [event for event, new in zip(events, is_new, strict=True) if new]
        if fresh:
            async with self.database.begin() as connection:
                await connection.execute(INSERT, [_row(event) for event in fresh])
            completions = [KafkaPublishMessage(_completion(event), key=event.data.sensor.encode()) for event in fresh]
            await self.broker.publish_batch(*completions, topic=self.work.target)
        await message.ack()
        self._count(len(events))

    def _key(self, event: Message) -> str:
        return f"{self.work.group}:{event.source}:{event.id}"

    def _count(self, number: int) -> None:
        self.done += number
        if self.done == self.work.count:
            self.finished.set()


def _row(event: Message) -> dict[str, Any]:
    return {"event_id": event.id, "sensor": event.data.sensor, "value": event.data.value * 2}


def _completion(event: Message) -> dict[str, Any]:
    return {"id": event.id, "value": event.data.value * 2}


async def run(work: Assignment) -> dict[str, Any]:
    """Works until as many events are done as were asked for."""
    service = Service(work)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, service.finished.set)
    await service.broker.start()
    await service.finished.wait()
    measured = service.watch.read()
    await service.broker.stop()
    await service.database.dispose()
    await service.keys.aclose()
    return measured


def main() -> None:
    logging.basicConfig(level="WARNING")
    report(asyncio.run(run(Assignment.read())))


if __name__ == "__main__":
    main()
