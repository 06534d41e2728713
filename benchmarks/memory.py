"""The most memory that one worker holds, with a long backlog before it and with much input coming in."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from benchmarks import judge
from benchmarks.figures import per_event
from benchmarks.readings import fill, producing, reading, send
from benchmarks.servers import Bench
from benchmarks.ways import MILLRACE, end, run, running
from benchmarks.work import peak_mb

MEGABYTE = 1_000_000
# A tick's events: small ones and large ones, with half of the bytes each.
TICK_SECONDS = 0.05
SMALL, LARGE = 4_000, 200_000
LATE_SECONDS = 120.0


def measure(bench: Bench, backlog: int, megabytes: float, seconds: float) -> dict[str, Any]:
    """A worker for each of the two; peaks in MB."""
    return {"backlog": _backlog(bench, backlog), "input": _input(bench, megabytes, seconds)}


def _backlog(bench: Bench, events: int) -> dict[str, Any]:
    source, target = "backlog", "backlog.stored"
    asyncio.run(bench.ready(source, target))
    asyncio.run(fill(bench.kafka, source, range(events)))
    measured = run(MILLRACE.command(source, target, count=events, linger=0.0))
    asyncio.run(judge.require(bench, target, events))
    return per_event(measured, events)


def _input(bench: Bench, megabytes: float, seconds: float) -> dict[str, Any]:
    source, target = "input", "input.stored"
    asyncio.run(bench.ready(source, target))
    with running(MILLRACE.command(source, target, linger=0.0)) as worker:
        events, sent, took = asyncio.run(_pour(bench, source, megabytes, seconds))
        asyncio.run(_settled(bench, events))
        peak = peak_mb(worker.pid)
        end(worker)
    asyncio.run(judge.require(bench, target, events))
    return {"events": events, "mb_per_second": sent / took / MEGABYTE, "seconds": took, "peak_mb": peak}


async def _pour(bench: Bench, source: str, megabytes: float, seconds: float) -> tuple[int, int, float]:
    """Produces at that rate; how many events, how many bytes, how many seconds it took."""
    per_tick = megabytes * MEGABYTE * TICK_SECONDS
    sizes = [LARGE] * max(1, round(per_tick / 2 / LARGE)) + [SMALL] * max(1, round(per_tick / 2 / SMALL))
    begun, number, sent = time.perf_counter(), 0, 0
    async with producing(bench.kafka, batch_bytes=2 * LARGE) as producer:
        for tick in range(round(seconds / TICK_SECONDS)):
            await asyncio.sleep(max(0.0, begun + tick * TICK_SECONDS - time.perf_counter()))
            events = {number + place: reading(number + place, size) for place, size in enumerate(sizes)}
            await send(producer, source, events)
            number, sent = number + len(events), sent + sum(map(len, events.values()))
    return number, sent, time.perf_counter() - begun


async def _settled(bench: Bench, events: int) -> None:
    """Waits until the worker has caught up."""
    async with asyncio.timeout(LATE_SECONDS):
        while await bench.rows() < events:  # noqa: ASYNC110 - tables tell only when asked
            await asyncio.sleep(0.5)
