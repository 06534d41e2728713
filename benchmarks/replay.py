"""A topic whose events are done already is published once more: how many a second does one worker skip?"""

from __future__ import annotations

import asyncio
from typing import Any

from benchmarks import judge
from benchmarks.figures import medians, per_event
from benchmarks.readings import fill
from benchmarks.servers import Bench
from benchmarks.ways import MILLRACE, run


def measure(bench: Bench, events: int, rounds: int) -> dict[str, Any]:
    """`marked`: Redis knows that they are done. `forgotten`: Redis was emptied, and the inbox has to say it."""
    measured = [_round(bench, number, events) for number in range(rounds)]
    return {"events": events, "rounds": measured, "median": medians(measured)}


def _round(bench: Bench, number: int, events: int) -> dict[str, Any]:
    source, target = f"replay-{number}", f"replay-{number}.stored"
    asyncio.run(bench.ready(source, target))
    _pass(bench, source, target, events)
    marked = _pass(bench, source, target, events)
    asyncio.run(bench.forget())
    return {"marked": marked, "forgotten": _pass(bench, source, target, events)}


def _pass(bench: Bench, source: str, target: str, events: int) -> dict[str, Any]:
    """Publishes all events and has a worker take them; there is one row and one completion of each, whatever the pass."""
    asyncio.run(fill(bench.kafka, source, range(events)))
    measured = run(MILLRACE.command(source, target, count=events, linger=0.0))
    asyncio.run(judge.require(bench, target, events))
    return per_event(measured, events)
