"""One, two and four workers on a flow that waits for 50 ms at each event: does throughput grow in proportion?"""

from __future__ import annotations

import asyncio
import time
from contextlib import ExitStack
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient

from benchmarks import judge
from benchmarks.figures import medians
from benchmarks.readings import PARTITIONS, fill
from benchmarks.servers import Bench
from benchmarks.trivial import WAIT_SECONDS, WAITING_HANDS
from benchmarks.ways import WAITING, running
from streams.kafka import KafkaConfig
from streams.read import reader

WORKERS = (1, 2, 4)
MOST = WAITING_HANDS / WAIT_SECONDS
FORMED_SECONDS = 60.0
POLL_SECONDS = 0.2


def measure(bench: Bench, seconds: float, rounds: int) -> dict[str, Any]:
    """`most`: what one worker could do at best, all of its hands waiting all the time."""
    measured = [_round(bench, number, seconds) for number in range(rounds)]
    return {"most": MOST, "rounds": measured, "median": medians(measured)}


def _round(bench: Bench, number: int, seconds: float) -> dict[str, Any]:
    figures = {str(workers): _several(bench, workers, number, seconds) for workers in WORKERS}
    one = figures[str(WORKERS[0])]["per_second"]
    return {workers: each | {"ratio": each["per_second"] / one} for workers, each in figures.items()}


def _several(bench: Bench, workers: int, number: int, seconds: float) -> dict[str, Any]:
    source, target = f"workers-{workers}-{number}", f"workers-{workers}-{number}.stored"
    # The same for each worker, and for each partition.
    events = workers * PARTITIONS * max(1, round(MOST * seconds / PARTITIONS))
    asyncio.run(bench.ready(source, target))
    with ExitStack() as stack:
        command = WAITING.command(source, target, linger=0.0)
        team = [stack.enter_context(running(command)) for _ in range(workers)]
        wall = asyncio.run(_timed(bench, source, target, workers, events))
        for worker in team:
            worker.terminate()  # all at once, or each that leaves makes the others rebalance
    asyncio.run(judge.require(bench, target, events))
    return {"events": events, "wall_s": wall, "per_second": events / wall}


async def _timed(bench: Bench, source: str, target: str, workers: int, events: int) -> float:
    """Seconds from the first event published to the last completion readable."""
    await _formed(bench.kafka, f"{target}.readings", workers)
    async with reader(bench.kafka, [target]) as records:
        begun = time.perf_counter()
        await fill(bench.kafka, source, range(events))
        seen = 0
        while seen < events:
            seen += len(await records.some())
        return time.perf_counter() - begun


async def _formed(kafka: KafkaConfig, group: str, members: int) -> None:
    """Waits until the consumer group has so many members and is at rest."""
    admin = AIOKafkaAdminClient(**kafka.client_arguments())
    await admin.start()
    try:
        async with asyncio.timeout(FORMED_SECONDS):
            while not await _is_formed(admin, group, members):  # noqa: ASYNC110 - Kafka tells only when asked
                await asyncio.sleep(POLL_SECONDS)
    finally:
        await admin.close()


async def _is_formed(admin: AIOKafkaAdminClient, group: str, members: int) -> bool:
    for response in await admin.describe_consumer_groups([group]):
        for _, _, state, _, _, found, *_ in response.groups:
            if state == "Stable" and len(found) == members:
                return True
    return False
