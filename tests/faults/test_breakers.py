"""While a server is away lanes wait, partitions are paused, readiness is red and says which; recovery needs no restart."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest

from streams.app import Engine
from tests.faults.test_outages import all_completed_without_a_failure, records
from tests.support.notes import NotesFlow
from tests.support.rig import PARTITIONS, Rig, eventually
from tests.support.servers import Servers

EVENTS = 200
# Rests between probes begin with 0.1 s and double: so many of them may be shorter than this.
SHORT, MOST_SHORT = 0.8, 6
DEPENDENCY = {"postgres": "database", "redis": "redis", "kafka": "kafka"}


class Counting:
    """Counts the probes of a server that run at the same time."""

    def __init__(self, engine: Engine, name: str) -> None:
        dependency = engine.dependencies.servers[name]
        self.probe, self.running, self.most, self.began = dependency.probe, 0, 0, list[float]()
        dependency.probe = self

    async def __call__(self) -> None:
        self.began.append(time.monotonic())
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await self.probe()
        finally:
            self.running -= 1


async def red(engine: Engine) -> set[str]:
    """The servers that readiness names."""
    told = await engine.health()
    return {name for name in DEPENDENCY.values() if told[name] != "ok"}


async def partitions(engine: Engine) -> int:
    """How many the engine has."""
    consumer: Any = engine.intakes[0].consumer
    return 0 if consumer is None else len(consumer.assignment())


async def paused(engine: Engine) -> tuple[bool, bool]:
    """Whether partitions are paused, and whether all of those that are held."""
    consumer: Any = engine.intakes[0].consumer
    return bool(consumer.paused()), consumer.paused() == consumer.assignment()


@pytest.mark.parametrize("gone", [("postgres",), ("redis",), ("kafka",), ("postgres", "redis"), ("postgres", "kafka")])
async def test_readiness_is_red_while_servers_are_away_and_green_by_itself(
    stack: Servers, fragile: Rig, gone: Sequence[str]
) -> None:
    async with fragile.engine() as engine:
        # Or a Kafka that dies too early has nobody in its group, and there is nothing to pause.
        await eventually(lambda: partitions(engine), PARTITIONS)
        counts = [Counting(engine, DEPENDENCY[server]) for server in gone]
        for server in gone:
            await asyncio.to_thread(stack.kill, server)
        await eventually(lambda: red(engine), {DEPENDENCY[server] for server in gone})
        lane = engine.lanes[0]
        if "postgres" in gone:
            await eventually(lambda: paused(engine), (True, True))
            assert (lane.standing() or "").startswith("waiting: database: ")
        else:
            assert lane.gate.is_open
        stack.start(gone)
        await eventually(lambda: red(engine), set())
        await fragile.publish([each.value for each in records(fragile, range(EVENTS))])
        await all_completed_without_a_failure(fragile, EVENTS)
        assert (await paused(engine))[0] is False
        assert [each.most for each in counts] == [1] * len(gone)
    assert set(NotesFlow.worked.values()) == {1}


async def test_a_database_that_answers_nobody_is_away_until_it_answers(stack: Servers, fragile: Rig) -> None:
    async with fragile.engine() as engine:
        await asyncio.to_thread(stack.pause, "postgres")
        try:
            counting = Counting(engine, "database")
            await fragile.publish([each.value for each in records(fragile, range(EVENTS))])
            await eventually(lambda: red(engine), {"database"})
            await eventually(lambda: paused(engine), (True, True))
        finally:
            await asyncio.to_thread(stack.resume, "postgres")
        await eventually(lambda: red(engine), set())
        await all_completed_without_a_failure(fragile, EVENTS)
        assert counting.most == 1
    assert set(NotesFlow.worked.values()) == {1}


async def test_many_that_meet_an_outage_together_ask_for_one_probe_at_a_time(stack: Servers, fragile: Rig) -> None:
    async with fragile.engine() as engine:
        counting = Counting(engine, "database")
        await asyncio.to_thread(stack.kill, "postgres")
        waiting = [engine.lanes[0].outages, engine.dependencies.saving] * 50
        asking = [asyncio.create_task(each.waited(ConnectionResetError(), "notes", "work")) for each in waiting]
        await eventually(lambda: red(engine), {"database"})
        await asyncio.sleep(2.0)
        assert counting.most == 1
        rests = [later - earlier for earlier, later in pairwise(counting.began)]
        assert sum(rest < SHORT for rest in rests) <= MOST_SHORT
        stack.start(["postgres"])
        assert all(await asyncio.gather(*asking))
