"""Whatever happens to Redis costs time only: it decides nothing, and only work that is paid for waits for it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
import redis.asyncio

from handlers.flow import FlowSpec
from tests.faults.conftest import PRODUCTION
from tests.faults.test_outages import away
from tests.support.accounts import all_is_finished
from tests.support.notes import NotesFlow, note, notes
from tests.support.rig import Rig, eventually
from tests.support.servers import Servers

EVENTS = 300
LONG_CLAIM = f"alter table outbox alter column claimed_until set default now() + interval '{PRODUCTION.claim} seconds'"
Harm = Callable[[Any], Awaitable[None]]


@pytest.fixture
async def fragile(fragile: Rig) -> Rig:
    """Nobody takes over what a slow machine publishes late: a completion that comes again was stored again."""
    await fragile.rows(LONG_CLAIM)
    fragile.config = replace(fragile.config, claim=PRODUCTION.claim)
    return fragile


@pytest.fixture
def costly(topic_prefix: str) -> FlowSpec:
    return notes(topic_prefix, costly=True, batch=1, hands=4)


@asynccontextmanager
async def client(rig: Rig) -> AsyncIterator[Any]:
    async with redis.asyncio.Redis.from_url(rig.redis_url) as connected:
        yield connected


async def flush(server: Any) -> None:
    await server.flushall()


async def fill(server: Any) -> None:
    """Every write is refused for want of memory; reads are answered."""
    await server.config_set("maxmemory-policy", "noeviction")
    await server.config_set("maxmemory", "1")


async def make_replica(server: Any) -> None:
    """Of a master that is not there: every write is refused."""
    await server.replicaof("127.0.0.1", "1")


async def mistype(server: Any) -> None:
    """All keys there are hold something of another type."""
    for name in [name async for name in server.scan_iter("millrace:done:*")]:
        await server.delete(name)
        await server.lpush(name, "no hash")


async def mend(rig: Rig) -> None:
    async with client(rig) as server:
        await server.config_set("maxmemory", "0")
        await server.replicaof("NO", "ONE")


async def all_completed_once(rig: Rig, events: int) -> None:
    await all_is_finished(rig)
    completions = await rig.completions(events)
    assert Counter(each["data"]["status"] for each in completions) == {"completed": events}
    assert await rig.rows("select count(*) from notes") == [{"count": events}]
    assert await rig.rows("select count(*) from dead_letters") == [{"count": 0}]


@pytest.mark.parametrize("harm", [flush, fill, make_replica, mistype])
async def test_cheap_work_goes_on_and_duplicates_are_found_in_the_inbox(fragile: Rig, harm: Harm) -> None:
    values = [note(f"n-{n}") for n in range(EVENTS)]
    async with fragile.engine() as engine:
        await fragile.publish(values)
        await fragile.until("select count(*) >= 50 from notes", expected=True)
        async with client(fragile) as server:
            await harm(server)
        await fragile.publish(values)
        await all_completed_once(fragile, EVENTS)
        assert engine.lanes[0].gate.is_open
        await mend(fragile)


@pytest.mark.parametrize("harm", [fill, make_replica])
async def test_work_that_is_paid_for_waits_while_redis_takes_no_leases_and_fails_nothing(
    fragile: Rig, costly: FlowSpec, harm: Harm
) -> None:
    async with fragile.engine(spec=costly) as engine:
        async with client(fragile) as server:
            await harm(server)
        await fragile.publish([note(f"n-{n}") for n in range(20)])
        await eventually(lambda: standing(engine), expected=True)
        assert (await engine.health())["redis"] != "ok"
        assert NotesFlow.worked == {}
        await mend(fragile)
        await all_completed_once(fragile, 20)
        assert engine.lanes[0].standing() is None
    assert set(NotesFlow.worked.values()) == {1}


async def test_work_that_is_paid_for_outlasts_a_redis_that_forgets_everything(fragile: Rig, costly: FlowSpec) -> None:
    async with fragile.engine(spec=costly):
        await fragile.publish([note(f"n-{n}", behave="sleep:0.05") for n in range(40)])
        for _ in range(5):
            async with client(fragile) as server:
                await server.flushall()
            await asyncio.sleep(0.1)
        await all_completed_once(fragile, 40)


@pytest.mark.parametrize("is_costly", [False, True])
@pytest.mark.parametrize("how", ["pause", "kill"])
async def test_a_redis_that_is_silent_or_refuses_connections_is_done_without_or_waited_for(
    stack: Servers, fragile: Rig, costly: FlowSpec, how: str, is_costly: bool
) -> None:
    async with fragile.engine(spec=costly if is_costly else None) as engine:
        async with silent(stack) if how == "pause" else away(stack, "redis"):
            await fragile.publish([note(f"n-{n}") for n in range(20)])
            if is_costly:
                await eventually(lambda: standing(engine), expected=True)
                assert NotesFlow.worked == {}
            else:
                await fragile.until("select count(*) from notes", 20)
        await all_completed_once(fragile, 20)


@asynccontextmanager
async def silent(stack: Servers) -> AsyncIterator[None]:
    await asyncio.to_thread(stack.pause, "redis")
    try:
        yield
    finally:
        await asyncio.to_thread(stack.resume, "redis")


async def standing(engine: Any) -> bool:
    return (engine.lanes[0].standing() or "").startswith("waiting: redis")
