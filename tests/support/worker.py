"""A worker of a test's own, as a process that can be killed: `python -m tests.support.worker <json of Orders>`.

It prints `ready` once it consumes, ends in good order on SIGTERM, and with a traceback when the engine ends by itself.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from handlers.flow import FLOWS, FlowSpec
from streams.config import EngineConfig
from tests.support.notes import notes
from tests.support.rig import Rig


@dataclass(frozen=True, slots=True)
class Orders:
    """What a worker runs, where. `group_records` bounds its groups, so that progress comes in small steps."""

    flow: str
    prefix: str
    kafka: str
    database_url: str
    redis_url: str
    object_store_url: str
    openai_url: str | None = None
    beside: Sequence[str] = ()
    slice_cells: int = 1_000_000
    group_records: int = 20


def flow_named(name: str, prefix: str) -> FlowSpec:
    """The notes flow, or a flow of Millrace itself, on topics that begin with `prefix`."""
    if name == "notes":
        return notes(prefix)
    real = next(spec for spec in FLOWS if spec.name == name)
    requests = real.requests_topic and prefix + real.requests_topic
    return replace(real, topic=prefix + real.topic, completed_topic=prefix + real.completed_topic, requests_topic=requests)


def small_groups(config: EngineConfig, records: int) -> EngineConfig:
    """The same engine with fetches and groups of few records."""
    return replace(
        config,
        lane=replace(config.lane, group_records=records, decode_records=records),
        consumer=replace(config.consumer, fetch_records=2 * records),
    )


async def work(orders: Orders) -> None:
    """Runs the engine until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    spec = flow_named(orders.flow, orders.prefix)
    beside = [flow_named(name, orders.prefix) for name in orders.beside]
    servers = (orders.kafka, orders.database_url, orders.redis_url, orders.object_store_url, orders.openai_url)
    rig = Rig(spec, *servers, beside=beside, slice_cells=orders.slice_cells)
    async with rig.engine(small_groups(rig.config, orders.group_records)) as engine:
        print("ready", flush=True)  # noqa: T201 - the test that started this process waits for it
        running, stopping = asyncio.create_task(engine.run()), asyncio.create_task(stop.wait())
        done, _ = await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
        for task in (running, stopping):
            task.cancel()
        if running in done:
            await running
    await rig.close()


def main() -> None:
    """Runs what the one argument orders."""
    given: dict[str, Any] = orjson.loads(sys.argv[1])
    asyncio.run(work(Orders(**given)))


if __name__ == "__main__":
    main()
