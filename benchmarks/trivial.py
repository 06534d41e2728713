"""Millrace's own worker in the benchmarks: one row and one completion for each event, set up as `millrace worker` is.

    python -m benchmarks.trivial SOURCE TARGET [--count N] [--variant waiting]

The full lane: inbox, outbox, Redis marks, watermark. `waiting` has each event's work wait for 50 ms, as for a server that
answers slowly. Ends when so many events are done, or at SIGTERM, and prints what it measured of itself.
"""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from prometheus_client import Counter, Histogram

from benchmarks.work import ROW, Assignment, Stopwatch, report
from events.event import Event
from events.failures import Failure
from events.model import Data
from handlers.answer import Answer
from handlers.flow import FlowSpec
from handlers.resources import Resources
from millrace import composition, logging
from millrace.settings import Settings, load
from millrace.worker import GC_THRESHOLD
from storage.database import Connection
from streams import metrics
from streams.app import Engine

WAIT_SECONDS = 0.05
WAITING_HANDS = 16
DONE = (metrics.COMPLETED, metrics.DEDUPLICATED, metrics.FAILED, metrics.REJECTED)


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
        await connection.copy_records_to_table("readings", records=rows, columns=ROW)
        return [Answer({"value": result}) for result in results]


class WaitingFlow(ReadingsFlow):
    """The same, after a wait."""

    async def work(self, events: Sequence[Event], loaded: Sequence[Event]) -> list[Any]:
        await asyncio.sleep(WAIT_SECONDS)
        return await super().work(events, loaded)


def readings(work: Assignment) -> FlowSpec:
    """The row of the flow. One that waits takes events one by one, so that its hands are what limits it."""
    waits = work.variant == "waiting"
    return FlowSpec(
        name="readings",
        topic=work.source,
        models={"reading.taken.v1": ReadingTaken},
        completed_topic=work.target,
        completed_type="reading.stored.v1",
        key=lambda data: data.sensor,
        batch=1 if waits else 1_000,
        hands=WAITING_HANDS if waits else 2,
        timeout=30.0,
        build=WaitingFlow if waits else ReadingsFlow,
    )


@asynccontextmanager
async def engine(settings: Settings, work: Assignment) -> AsyncIterator[Engine]:
    """The engine as `millrace worker` composes it, with this flow alone."""
    database, keys, flows = composition.database_of(settings), composition.keys_of(settings), [readings(work)]
    resources = composition.resources_of(settings, database, flows)
    config = replace(composition.engine_config(settings), group_prefix=work.group)
    try:
        yield Engine(config, flows, kafka=composition.kafka_config(settings), keys=keys, resources=resources)
    finally:
        await resources.close()
        await keys.close()
        await database.close()


async def run(settings: Settings, work: Assignment) -> dict[str, Any]:
    """Works until as many events are done as were asked for; what was measured meanwhile."""
    watch, stop = Stopwatch(), asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with engine(settings, work) as running:
        await running.start()
        gc.collect()
        gc.freeze()
        gc.set_threshold(GC_THRESHOLD)
        while not (stop.is_set() or (work.count and _done() >= work.count)):
            if not watch.runs and _total(metrics.CONSUMED):
                watch.start()
            await asyncio.sleep(0.01 if watch.runs else 0.001)
        measured = watch.read()
        await running.stop()
    return measured | {"stages_s": _stages("_sum"), "stages_n": _stages("_count")}


def _done() -> int:
    return sum(map(_total, DONE))


def _total(counter: Counter) -> int:
    samples = (sample for family in counter.collect() for sample in family.samples)
    return int(sum(sample.value for sample in samples if sample.name.endswith("_total")))


def _stages(suffix: str) -> dict[str, float]:
    """Of each stage, `_sum`: the seconds in it, waiting included (stages overlap); `_count`: how many batches or groups."""
    seconds: Histogram = metrics.STAGE_SECONDS
    samples = (sample for family in seconds.collect() for sample in family.samples)
    return {sample.labels["stage"]: sample.value for sample in samples if sample.name.endswith(suffix)}


def main() -> None:
    settings = load(env_file=None)
    logging.configure(settings.environment, "WARNING", secrets=settings.secrets())
    report(asyncio.run(run(settings, Assignment.read())))


if __name__ == "__main__":
    main()
