"""The trivial flow, one row and one completion for each event, run by one worker process in either of two ways.

    python -m benchmarks.trivial millrace COUNT PREFIX     the full lane: inbox, outbox, Redis marks, watermark
    python -m benchmarks.trivial faststream COUNT PREFIX   message by message, as FastStream's documentation shows it

Both take the addresses from the environment, run until COUNT events are done, and print one line of JSON with the wall
and CPU seconds between the first record and the last.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
import redis.asyncio
from faststream import AckPolicy
from faststream.kafka import KafkaBroker, KafkaMessage
from pydantic import BaseModel
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from events.event import Event
from events.failures import Failure
from events.model import Data
from handlers.answer import Answer
from handlers.flow import FlowSpec
from handlers.resources import Resources
from storage.database import Connection, Database
from storage.idempotency import IdempotencyKeys
from storage.objects import ObjectStore
from streams.app import Engine
from streams.config import EngineConfig
from streams.kafka import KafkaConfig

TABLE = "create table if not exists readings (event_id text, sensor text, value float8)"


class ReadingTaken(Data):
    """A number that a sensor measured."""

    sensor: str
    value: float
    unit: str


class ReadingsFlow:
    """Stores each reading."""

    def __init__(self, resources: Resources) -> None:
        self.resources = resources

    async def load(self, events: Sequence[Event]) -> Sequence[Any]:
        return events

    async def work(self, events: Sequence[Event], loaded: Sequence[Event]) -> list[Any]:
        return [event.data.value * 2 for event in loaded]

    async def save(self, connection: Connection, events: Sequence[Event], results: Sequence[Any]) -> list[Answer]:
        rows = [
            (event.id, event.data.sensor, result)
            for event, result in zip(events, results, strict=True)
            if not isinstance(result, Failure)
        ]
        await connection.copy_records_to_table("readings", records=rows, columns=("event_id", "sensor", "value"))
        return [Answer({"value": result}) for result in results]


def readings(prefix: str) -> FlowSpec:
    """The row of the trivial flow."""
    return FlowSpec(
        name="readings",
        topic=f"{prefix}.readings",
        models={"reading.taken.v1": ReadingTaken},
        completed_topic=f"{prefix}.readings.stored",
        completed_type="reading.stored.v1",
        key=lambda data: data.sensor,
        batch=500,
        hands=2,
        timeout=30.0,
        build=ReadingsFlow,
    )


def reading(number: int) -> bytes:
    """An event of about 250 bytes."""
    return orjson.dumps(
        {
            "specversion": "1.0",
            "id": f"reading-{number:012d}",
            "source": "/benchmarks/sensors",
            "type": "reading.taken.v1",
            "time": "2026-11-20T10:00:00Z",
            "clientid": "acme",
            "data": {"sensor": f"sensor-{number % 5000:06d}", "value": number / 7, "unit": "kWh"},
        }
    )


class Stopwatch:
    """Wall and CPU seconds of this process between the first record and the last."""

    def __init__(self) -> None:
        self.begun: tuple[float, float] | None = None

    def start(self) -> None:
        if self.begun is None:
            self.begun = time.perf_counter(), time.process_time()

    def read(self, count: int) -> dict[str, float]:
        assert self.begun is not None
        wall, cpu = time.perf_counter() - self.begun[0], time.process_time() - self.begun[1]
        return {"events": count, "wall_s": wall, "cpu_s": cpu, "peak_mb": peak_mb()}


def peak_mb() -> float:
    """The most memory this process has held. (`getrusage` would count what its parent held before it became this one.)"""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


async def millrace(count: int, prefix: str) -> dict[str, float]:
    """The engine with the trivial flow."""
    database, keys = Database(os.environ["DATABASE_URL"]), IdempotencyKeys(os.environ["REDIS_URL"])
    objects = ObjectStore(os.environ["OBJECT_STORE_URL"])
    kafka = KafkaConfig(os.environ["KAFKA_BOOTSTRAP_SERVERS"])
    config = EngineConfig(group_prefix=prefix)
    engine = Engine(config, [readings(prefix)], kafka=kafka, keys=keys, resources=Resources(database, objects))
    [lane] = engine.lanes
    watch, taken = Stopwatch(), 0
    intake = lane.intake

    def timed_intake(records: Sequence[Any]) -> None:
        nonlocal taken
        watch.start()
        taken += len(records)
        intake(records)

    lane.intake = timed_intake  # type: ignore[method-assign]
    await engine.start()
    gc.freeze()
    gc.set_threshold(50_000)
    while taken < count or lane.budget.held_records:  # noqa: ASYNC110 - the lane has no event for being empty
        await asyncio.sleep(0.01)
    measured = watch.read(count)
    await engine.stop()
    await keys.close()
    await database.close()
    return measured


class Reading(BaseModel):
    sensor: str
    value: float
    unit: str


class Message(BaseModel):
    id: str
    source: str
    data: Reading


async def faststream(count: int, prefix: str) -> dict[str, float]:
    """A subscriber for each message: SET NX, insert, publish, ack."""
    broker = KafkaBroker(os.environ["KAFKA_BOOTSTRAP_SERVERS"], acks="all", enable_idempotence=True, logger=None)
    database = create_async_engine(os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+asyncpg://"))
    keys = redis.asyncio.Redis.from_url(os.environ["REDIS_URL"])
    watch, done, finished = Stopwatch(), 0, asyncio.Event()

    @broker.subscriber(f"{prefix}.readings", group_id=prefix, auto_offset_reset="earliest", ack_policy=AckPolicy.MANUAL)
    async def handle(event: Message, message: KafkaMessage) -> None:
        nonlocal done
        watch.start()
        if await keys.set(f"{prefix}:{event.source}:{event.id}", 1, nx=True, ex=86_400):
            async with database.begin() as connection:
                await connection.execute(
                    text("insert into readings (event_id, sensor, value) values (:event_id, :sensor, :value)"),
                    {"event_id": event.id, "sensor": event.data.sensor, "value": event.data.value * 2},
                )
            await broker.publish(
                {"id": event.id, "value": event.data.value * 2},
                f"{prefix}.readings.stored",
                key=event.data.sensor.encode(),
            )
        await message.ack()
        done += 1
        if done == count:
            finished.set()

    await broker.start()
    await finished.wait()
    measured = watch.read(count)
    await broker.stop()
    await database.dispose()
    await keys.aclose()
    return measured


def main() -> None:
    logging.disable(logging.INFO)
    way, count, prefix = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    ways = {"millrace": millrace, "faststream": faststream}
    print(json.dumps(asyncio.run(ways[way](count, prefix))))


if __name__ == "__main__":
    main()
