"""What counts as an outage."""

from __future__ import annotations

import asyncio
import time

import pytest

from events.failures import Outage, Transient
from streams.backoff import Backoff
from streams.dependency import Dependency
from streams.outages import Outages

BROKEN = ConnectionResetError("gone")


class Server:
    """Answers probes until it is taken away; counts them."""

    def __init__(self) -> None:
        self.asked, self.is_away = 0, False
        self.missed = asyncio.Event()

    async def ping(self) -> None:
        self.asked += 1
        await asyncio.sleep(0)
        if self.is_away:
            self.missed.set()
            raise ConnectionRefusedError("nobody is there")

    async def come_back(self) -> None:
        """Once a probe has met nobody."""
        await self.missed.wait()
        self.is_away = False


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def outages(server: Server) -> Outages:
    return Outages([Dependency("server", server.ping, timeout=3600.0)])


async def test_an_error_of_the_connection_is_an_outage_when_the_server_is_away(server: Server, outages: Outages) -> None:
    server.is_away = True
    coming = asyncio.create_task(server.come_back())

    assert await outages.waited(BROKEN, "notes", "save")
    assert coming.done()


async def test_an_outage_that_began_after_the_last_look_is_still_an_outage(server: Server, outages: Outages) -> None:
    assert not await outages.waited(BROKEN, "notes", "save")
    server.is_away = True
    coming = asyncio.create_task(server.come_back())

    assert await outages.waited(BROKEN, "notes", "save")
    await coming


async def test_what_was_away_when_the_error_came_was_an_outage_although_it_is_back_by_now(server: Server) -> None:
    dependency = Dependency("server", server.ping, timeout=3600.0, backoff=Backoff(base=0.01, cap=0.01))
    server.is_away = True
    assert await dependency.found(time.monotonic()) is not None
    server.is_away = False
    await asyncio.sleep(0.02)

    assert await Outages([dependency]).waited(BROKEN, "notes", "work")
    assert dependency.breaker.error is None


@pytest.mark.parametrize("error", [BROKEN, Outage("object_store_unreachable", "…")])
async def test_an_error_of_the_connection_is_none_while_the_server_answers(outages: Outages, error: Exception) -> None:
    assert not await outages.waited(error, "notes", "save")


@pytest.mark.parametrize("error", [ValueError("a bug"), Transient("internal", "…")])
async def test_no_server_is_asked_about_other_errors(server: Server, outages: Outages, error: Exception) -> None:
    server.is_away = True

    assert not await outages.waited(error, "notes", "save")
    assert server.asked == 0


async def test_many_that_ask_at_once_share_a_look(server: Server, outages: Outages) -> None:
    await asyncio.gather(*(outages.waited(BROKEN, "notes", "save") for _ in range(100)))

    assert server.asked <= 2
