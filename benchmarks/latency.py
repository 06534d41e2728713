"""From an event produced to its completion readable, at a steady rate, for Millrace and its peers in turn."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from benchmarks.figures import medians
from benchmarks.servers import Bench
from benchmarks.ways import MILLRACE, WAYS, Way, end, run, running

# What their documentation offers for lower latency: how long a batch, or a checkpoint, waits at most.
LINGER = {"benchmarks.peers.quix": 0.1, "benchmarks.peers.arroyo": 0.1, "benchmarks.peers.faststream": 0.02}
STEADY = tuple(way for way in WAYS if way.steady)


def measure(bench: Bench, rate: int, seconds: float, rounds: int) -> dict[str, Any]:
    """Each round gives each way a worker, empty topics and an empty table; the disk is timed all the while."""
    measured = [_round(bench, number, rate, seconds) for number in range(rounds)]
    return {"rate": rate, "seconds": seconds, "rounds": measured, "median": medians(measured)}


def _round(bench: Bench, number: int, rate: int, seconds: float) -> dict[str, Any]:
    start = number % len(STEADY)
    figures = {way.name: _way(bench, way, number, rate, seconds) for way in STEADY[start:] + STEADY[:start]}
    return {way.name: figures[way.name] for way in STEADY}


def _way(bench: Bench, way: Way, number: int, rate: int, seconds: float) -> dict[str, Any]:
    source, target = f"latency-{way.name}-{number}", f"latency-{way.name}-{number}.stored"
    asyncio.run(bench.ready(source, target))
    probe = [sys.executable, "-m", "benchmarks.probe", source, target, "--rate", str(rate), "--seconds", str(seconds)]
    disk = [sys.executable, "-m", "benchmarks.disk", str(bench.folder)]
    with running(way.command(source, target, linger=LINGER.get(way.module, 0.0))) as worker, running(disk) as timing:
        seen = run(probe)
        synced, told = end(timing), end(worker)
    if seen["unanswered"]:
        raise SystemExit(f"{way.name}: {seen['unanswered']} events without a completion")
    if way is MILLRACE and seen["before_rows"]:
        raise SystemExit(f"{way.name}: {seen['before_rows']} completions came before their rows")
    return seen | {"fdatasync": synced, "worker": told}
