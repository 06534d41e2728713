"""Events a second and CPU an event of the trivial flow, for Millrace and its peers in turn."""

from __future__ import annotations

import asyncio
from typing import Any

from benchmarks import judge
from benchmarks.figures import medians, per_event
from benchmarks.readings import fill
from benchmarks.servers import Bench
from benchmarks.ways import MILLRACE, WAYS, Way, run

LINGER = {"benchmarks.peers.quix": 5.0, "benchmarks.peers.arroyo": 1.0, "benchmarks.peers.faststream": 0.2}


def measure(bench: Bench, events: int, rounds: int) -> dict[str, Any]:
    """Each round gives each way the same topic, an empty table and a worker of its own; the order moves on by one."""
    measured = [_round(bench, number, events) for number in range(rounds)]
    return {"events": events, "rounds": measured, "median": medians(measured)}


def _round(bench: Bench, number: int, events: int) -> dict[str, Any]:
    counts = {way.name: max(500, events // way.share) for way in WAYS}
    for count in sorted(set(counts.values())):
        asyncio.run(_prepare(bench, _source(number, count), count))
    start = number % len(WAYS)
    figures = {way.name: _way(bench, way, number, counts[way.name]) for way in WAYS[start:] + WAYS[:start]}
    own = figures[MILLRACE.name]["per_second"]
    for name, each in figures.items():
        if name != MILLRACE.name:
            each["millrace_times"] = own / each["per_second"]
    return {way.name: figures[way.name] for way in WAYS}


def _source(number: int, count: int) -> str:
    return f"throughput-{number}-{count}"


async def _prepare(bench: Bench, source: str, count: int) -> None:
    await bench.topics(source)
    await fill(bench.kafka, source, range(count))


def _way(bench: Bench, way: Way, number: int, count: int) -> dict[str, Any]:
    source, target = _source(number, count), f"{way.name}-{number}"
    asyncio.run(bench.ready(source, target))
    measured = run(way.command(source, target, count=count, linger=LINGER.get(way.module, 0.0)))
    asyncio.run(judge.require(bench, target, count))
    return per_event(measured, count)
