"""A worker that does not move although it should is red; one that has a reason is not."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from uuid import uuid4

import pytest

from storage import lanes, starts
from streams.app import Engine
from streams.config import EngineConfig
from streams.progress import ProgressPolicy
from streams.pulse import INTERVAL
from tests.support.notes import NotesFlow, note, notes
from tests.support.rig import PARTITIONS, Rig, eventually
from tests.support.servers import Servers

# A busy machine may keep a worker from moving for a second or two.
STALL = 3.0
LONGER = 7.0
POLICY = ProgressPolicy(stall=STALL, out=STALL)
# What waited for a server looks again within five seconds.
OUTLASTS_A_BACKOFF = ProgressPolicy(stall=8.0, out=8.0)


class Awake:
    """The time in which this process was awake: while all of it stands still no lane of it can move, and none is to blame.

    So the time that it takes to start a server, which holds up all else, does not count either.
    """

    def __init__(self) -> None:
        self._last = self._now = time.monotonic()

    def __call__(self) -> float:
        """It is asked each second, and goes on by little more than that."""
        now = time.monotonic()
        self._now += min(now - self._last, 2 * INTERVAL)
        self._last = now
        return self._now


def quick(rig: Rig, policy: ProgressPolicy = POLICY) -> EngineConfig:
    """With bounds that a test can wait for."""
    return replace(rig.config, progress=policy)


async def is_red(engine: Engine) -> bool:
    return bool(engine.stalls())


@asynccontextmanager
async def never_red(engine: Engine, seconds: float = LONGER) -> AsyncIterator[None]:
    """Fails when the engine is red at any time from here until `seconds` after the block."""
    seen: list[dict[str, str]] = []
    if not isinstance(engine.pulse.clock, Awake):
        engine.pulse.clock = Awake()

    async def watch() -> None:
        while True:
            seen.append(engine.stalls())
            await asyncio.sleep(0.1)

    watching = asyncio.create_task(watch())
    yield
    await asyncio.sleep(seconds)
    watching.cancel()
    assert [each for each in seen if each] == []


@asynccontextmanager
async def hanging(rig: Rig, event_id: str) -> AsyncIterator[None]:
    """An event whose handler does not end, not even when it is cancelled; in the end it does."""
    await rig.publish([note(event_id, behave="hang")])
    await eventually(lambda: is_running(event_id), expected=True)
    try:
        yield
    finally:
        NotesFlow.running.clear()


async def is_running(event_id: str) -> bool:
    return event_id in NotesFlow.running


async def test_a_handler_beyond_its_time_out_is_red_until_it_ends(rig: Rig) -> None:
    async with rig.engine(quick(rig), replace(rig.spec, timeout=1.0)) as engine:
        async with hanging(rig, "n-1"):
            await eventually(lambda: is_red(engine), expected=True)
            assert "its time-out is 1 s" in engine.stalls()["notes"]
        await eventually(lambda: is_red(engine), expected=False)


async def test_a_handler_within_its_time_out_and_an_idle_worker_are_not_red(rig: Rig) -> None:
    async with rig.engine(quick(rig)) as engine:
        async with never_red(engine):
            pass
        async with hanging(rig, "n-1"), never_red(engine):
            pass


async def test_a_record_that_waits_to_be_alone_while_another_lane_works_within_its_time_out_is_not_red(
    rig: Rig, topic_prefix: str, object_store_url: str
) -> None:
    beside = notes(f"{topic_prefix}beside.", name="beside")
    other = Rig(beside, rig.kafka.bootstrap_servers, rig.database_url, rig.redis_url, object_store_url)
    await other.prepare()
    await three_deaths(rig)
    async with rig.engine(quick(rig), rig.spec, beside) as engine:
        async with hanging(other, "long"), never_red(engine):
            await rig.publish([note("n-1")])
        await rig.until("select count(*) from inbox", 2)
    await other.close()


async def three_deaths(rig: Rig) -> None:
    """So that the first records of all partitions are taken alone."""
    places = {(rig.spec.topic, partition): 0 for partition in range(PARTITIONS)}
    async with rig.database.connection() as connection:
        for _ in range(3):
            await starts.begin(connection, "notes", uuid4(), places)
        for place in places:
            await starts.reach(connection, "notes", *place, 9)


async def test_what_waits_because_one_record_is_alone_in_the_process_is_not_red(rig: Rig) -> None:
    async with rig.engine(quick(rig)) as engine, never_red(engine, 0.5):
        async with engine.room.alone() as is_alone:
            assert is_alone
            await rig.publish([note("n-1")])
            await eventually(lambda: holds(engine), expected=True)
            await asyncio.sleep(LONGER)
        await rig.until("select count(*) from notes", 1)


async def holds(engine: Engine) -> bool:
    return engine.lanes[0].budget.held_records > 0


async def test_a_consumer_whose_task_has_ended_is_red(rig: Rig) -> None:
    async with rig.engine(quick(rig)) as engine:
        await rig.publish([note("n-1")])
        await rig.until("select count(*) from notes", 1)
        for task in engine.intakes[0].subscriber.tasks:
            task.cancel()
        await eventually(lambda: is_red(engine), expected=True)
        assert "its consumer has been ended" in engine.stalls()["notes"]


async def test_a_consumer_that_left_its_group_by_itself_is_red(rig: Rig) -> None:
    config = replace(
        quick(rig, ProgressPolicy(stall=3_600, out=STALL)), consumer=replace(rig.config.consumer, max_poll_interval=1.0)
    )
    async with rig.engine(config) as engine:
        engine.pulse.rebalance = STALL
        await rig.publish([note("n-1")])
        await rig.until("select count(*) from notes", 1)
        lane = engine.lanes[0]
        lane.budget.take(lane.budget.records, 0)  # a full lane holds the consumer up ...
        engine.intakes[0].patience = 3_600.0  # ... and does not pause it, as it ought to
        await rig.publish([note("n-2")])
        await eventually(lambda: is_red(engine), expected=True)
        assert "outside its group" in engine.stalls()["notes"]
        lane.budget.give(lane.budget.records, 0)
        await eventually(lambda: is_red(engine), expected=False)
        await rig.until("select count(*) from notes", 2)


async def test_a_rebalance_is_not_red(rig: Rig) -> None:
    async with rig.engine(quick(rig)) as engine, never_red(engine):
        await rig.publish([note("n-1", behave="sleep:3")])
        await eventually(lambda: is_running("n-1"), expected=True)
        async with rig.engine(quick(rig)):
            await rig.publish([note(f"n-{each}") for each in range(2, 100)])
            await rig.until("select count(*) from notes", 99)


async def test_a_stopped_lane_is_not_red(rig: Rig) -> None:
    stop = lanes.Stop("notes", 0, "failures", "60 outcomes in a row failed", 60, 60, ("internal",), "host/1/a")
    async with rig.engine(quick(rig)) as engine:
        await rig.publish([note(f"n-{each}", behave="sleep:0.05") for each in range(2000)])
        await rig.until("select count(*) > 0 from notes", expected=True)
        async with rig.database.connection() as connection:
            await lanes.stop(connection, stop)
        await eventually(lambda: stopped(engine), expected=True)
        async with never_red(engine, 2 * LONGER):
            pass
        assert engine.lanes[0].budget.held_records, "there is work, and it waits"


async def stopped(engine: Engine) -> bool:
    return not engine.lanes[0].gate.is_open


@pytest.mark.parametrize(("server", "how"), [("postgres", "pause"), ("kafka", "kill")])
async def test_an_outage_is_not_red_and_neither_is_its_end(stack: Servers, fragile: Rig, server: str, how: str) -> None:
    async with fragile.engine(quick(fragile, OUTLASTS_A_BACKOFF)) as engine:
        await fragile.publish([note(f"n-{each}", behave="sleep:0.05") for each in range(200)])
        await fragile.until("select count(*) >= 20 from notes", expected=True)
        async with never_red(engine):
            await asyncio.to_thread(getattr(stack, how), server)
            try:
                await asyncio.sleep(2.5 * OUTLASTS_A_BACKOFF.stall)
            finally:
                if how == "kill":
                    stack.start([server])
                else:
                    stack.resume(server)
            await fragile.until("select count(*) from notes", 200)
