"""Produces at a steady rate and reads the completions, both in this process and by one clock.

    python -m benchmarks.probe SOURCE TARGET --rate EVENTS_PER_SECOND --seconds SECONDS

Waits until a first event has been answered, so that the worker is known to be in its place. Of the completions that come
together one is taken as a sample: is its row readable, from another connection, once the completion is?
"""

from __future__ import annotations

import argparse
import asyncio
import os
import time
from dataclasses import dataclass, field
from typing import Any

import asyncpg
from aiokafka import AIOKafkaProducer

from benchmarks.figures import percentiles
from benchmarks.judge import answered
from benchmarks.readings import producing, reading, reading_id
from benchmarks.work import report
from streams.kafka import KafkaConfig
from streams.read import Reader, reader

FIRST, SECOND_CALL = 10**9, 0.5
SETTLE_SECONDS = 2.0
ANSWER_SECONDS = 60.0
SAMPLE_SECONDS = 0.05
IS_STORED = "select exists (select from readings where event_id = $1)"


@dataclass(slots=True)
class Seen:
    """When each event was produced and when its completion was read; what the samples said."""

    produced: dict[str, float] = field(default_factory=dict)
    latencies: dict[str, float] = field(default_factory=dict)
    samples: int = 0
    before_rows: int = 0
    sampled_at: float = 0.0


async def probe(kafka: KafkaConfig, source: str, target: str, rate: int, seconds: float) -> dict[str, Any]:
    """What was seen of so many events; raises TimeoutError where no completion comes for the first."""
    seen = Seen()
    connection = await asyncpg.connect(os.environ["DATABASE_URL"])
    async with reader(kafka, [target]) as records, producing(kafka, batch_bytes=16_384) as producer:
        await _until_answered(producer, source, records)
        reading_on = asyncio.create_task(_read(records, connection, seen))
        await _produce(producer, source, seen, rate, seconds)
        deadline = time.perf_counter() + ANSWER_SECONDS
        while len(seen.latencies) < len(seen.produced) and time.perf_counter() < deadline:  # noqa: ASYNC110 - a rare look
            await asyncio.sleep(0.05)
        reading_on.cancel()
    await connection.close()
    lost = len(seen.produced) - len(seen.latencies)
    counts = {"unanswered": lost, "samples": seen.samples, "before_rows": seen.before_rows}
    return percentiles(list(seen.latencies.values())) | counts


async def _until_answered(producer: AIOKafkaProducer, source: str, records: Reader) -> None:
    number = FIRST
    async with asyncio.timeout(ANSWER_SECONDS):
        while True:
            number += 1
            await producer.send_and_wait(source, reading(number), str(number).encode())
            called = time.perf_counter()
            while time.perf_counter() < called + SECOND_CALL:
                if await records.some():
                    await asyncio.sleep(SETTLE_SECONDS)
                    return


async def _produce(producer: AIOKafkaProducer, source: str, seen: Seen, rate: int, seconds: float) -> None:
    begun, total = time.perf_counter(), int(rate * seconds)
    for number in range(total):
        await asyncio.sleep(max(0.0, begun + number / rate - time.perf_counter()))
        seen.produced[reading_id(number)] = time.perf_counter()
        await producer.send(source, reading(number), str(number).encode())
    await producer.flush()


async def _read(records: Reader, connection: asyncpg.Connection, seen: Seen) -> None:
    while True:
        some = await records.some()
        now = time.perf_counter()
        fresh = [found for each in some if (found := answered(each.value or b"")) in seen.produced]
        for found in fresh:
            seen.latencies.setdefault(found, now - seen.produced[found])
        if fresh and now > seen.sampled_at + SAMPLE_SECONDS:
            seen.sampled_at, seen.samples = now, seen.samples + 1
            seen.before_rows += not await connection.fetchval(IS_STORED, fresh[-1])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("source")
    parser.add_argument("target")
    parser.add_argument("--rate", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    arguments = vars(parser.parse_args())
    report(asyncio.run(probe(KafkaConfig(os.environ["KAFKA_BOOTSTRAP_SERVERS"]), **arguments)))


if __name__ == "__main__":
    main()
