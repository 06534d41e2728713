"""A server that goes away is waited for: no attempt is spent, nobody has to help, nothing is lost or doubled."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from streams.publish import Outgoing, publish
from tests.support.accounts import all_is_finished
from tests.support.notes import NotesFlow, note
from tests.support.rig import Rig
from tests.support.servers import Servers
from tests.support.worker import small_groups

EVENTS = 2000
FEWER = 500
SERVERS = ("postgres", "redis", "kafka")


def records(rig: Rig, numbers: range) -> list[Outgoing]:
    return [Outgoing(rig.spec.topic, str(each).encode(), note(f"n-{each}")) for each in numbers]


@asynccontextmanager
async def away(stack: Servers, server: str) -> AsyncIterator[None]:
    """The server is dead meanwhile."""
    await asyncio.to_thread(stack.kill, server)
    try:
        yield
    finally:
        # In this thread, whose end its servers must not outlive; the engine stands still for a moment.
        stack.start([server])


async def all_completed_without_a_failure(rig: Rig, events: int = EVENTS) -> None:
    await rig.until("select count(*) from notes", events)
    await all_is_finished(rig)
    completions = await rig.completions(events)
    assert {each["causationid"] for each in completions} == {f"n-{number}" for number in range(events)}
    assert len({each["id"] for each in completions}) == events
    assert {each["data"]["status"] for each in completions} == {"completed"}
    assert await rig.rows("select count(*) from dead_letters") == [{"count": 0}]


@pytest.mark.parametrize("server", SERVERS)
async def test_work_goes_on_by_itself_after_a_server_was_killed_in_mid_stream(
    stack: Servers, fragile: Rig, server: str
) -> None:
    await publish(fragile.kafka, records(fragile, range(EVENTS)))
    async with fragile.engine(small_groups(fragile.config, 20)):
        await fragile.until("select count(*) >= 200 from notes", expected=True)
        async with away(stack, server):
            await asyncio.sleep(1.0)
        await all_completed_without_a_failure(fragile)


@pytest.mark.parametrize("server", SERVERS)
async def test_a_server_that_is_away_at_the_start_is_waited_for(stack: Servers, fragile: Rig, server: str) -> None:
    await publish(fragile.kafka, records(fragile, range(EVENTS)))

    async def come_back_later() -> None:
        await asyncio.sleep(2.0)
        stack.start([server])

    await asyncio.to_thread(stack.kill, server)
    coming = asyncio.create_task(come_back_later())
    async with fragile.engine():
        await coming
        await all_completed_without_a_failure(fragile)
    assert set(NotesFlow.worked.values()) == {1}


async def test_a_database_that_is_restarted_again_and_again_fails_no_event(stack: Servers, fragile: Rig) -> None:
    async with fragile.engine(small_groups(fragile.config, 1)):
        publishing = asyncio.create_task(publish(fragile.kafka, records(fragile, range(FEWER))))
        for restart in range(1, 4):
            await fragile.until(f"select count(*) >= {100 * restart} from notes", expected=True)
            async with away(stack, "postgres"):
                pass
        await publishing
        await all_completed_without_a_failure(fragile, FEWER)
