"""One server, one breaker, one probe at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from prometheus_client import REGISTRY

from events.failures import Outage
from storage.breaker import State
from streams.backoff import Backoff
from streams.dependency import Dependency
from streams.gate import Gate
from streams.outages import Outages

NEVER = Backoff(base=3600.0, cap=3600.0)
SOON = Backoff(base=0.01, cap=0.02)
# Longer than a busy machine keeps a probe waiting that could go on.
LONG = 3600.0
BROKEN = ConnectionResetError("gone")


class Server:
    """Counts its probes, those at the same time too; is away, or silent, as told."""

    def __init__(self) -> None:
        self.probes = self.running = self.most = 0
        self.error: BaseException | None = None
        self.answers = asyncio.Event()
        self.answers.set()

    async def ping(self) -> None:
        self.probes += 1
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await asyncio.sleep(0)
            await self.answers.wait()
            if self.error is not None:
                raise self.error
        finally:
            self.running -= 1


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
async def dependency(server: Server) -> AsyncIterator[Dependency]:
    dependency = Dependency("server", server.ping, backoff=SOON, timeout=LONG, every=0.02)
    yield dependency
    dependency.close()


async def until(seen: Callable[[], Any]) -> None:
    async with asyncio.timeout(120):
        while not seen():  # noqa: ASYNC110 - what is looked at has no event
            await asyncio.sleep(0.005)


async def all_at_once(dependency: Dependency, times: int) -> list[Any]:
    """What as many tasks hear that met an error each, now."""
    outages = Outages([dependency])
    return await asyncio.gather(*(outages.waited(BROKEN, "notes", "save") for _ in range(times)))


async def test_whoever_asks_there_is_one_probe_at_a_time(server: Server, dependency: Dependency) -> None:
    server.error = ConnectionRefusedError()
    watching = asyncio.create_task(dependency.watch())
    asking = [asyncio.create_task(all_at_once(dependency, 50)) for _ in range(3)]
    await until(lambda: server.probes >= 5)
    server.error = None
    assert await asyncio.gather(*asking) == [[True] * 50] * 3
    watching.cancel()
    assert server.most == 1


async def test_while_it_is_away_nobody_looks_before_the_time(server: Server) -> None:
    dependency = Dependency("server", server.ping, backoff=NEVER, timeout=LONG)
    server.error = ConnectionRefusedError()
    waiting = asyncio.create_task(all_at_once(dependency, 100))
    await until(lambda: dependency.breaker.error is not None)
    others = asyncio.create_task(all_at_once(dependency, 100))
    await asyncio.sleep(0.05)
    assert server.probes == 1
    assert dependency.breaker.state is State.OPEN
    for each in (waiting, others):
        each.cancel()
    await asyncio.gather(waiting, others, return_exceptions=True)


async def test_a_look_goes_on_although_who_asked_for_it_waits_no_longer(server: Server, dependency: Dependency) -> None:
    server.answers.clear()
    first = asyncio.create_task(dependency.first_look())
    await until(lambda: server.running)
    first.cancel()
    second = asyncio.create_task(dependency.first_look())
    await asyncio.sleep(0)
    server.answers.set()
    await second
    assert server.probes == 1


async def test_a_probe_that_hangs_has_found_nobody(server: Server, dependency: Dependency) -> None:
    dependency.timeout = 0.05
    server.answers.clear()
    assert isinstance(await dependency.found(0.0), TimeoutError)
    assert dependency.told() == "TimeoutError: no answer within 0.05 s"
    dependency.timeout = LONG
    server.answers.set()
    await dependency.until_closed()
    assert dependency.told() is None


async def test_a_probe_that_cannot_even_be_broken_off_keeps_others_from_beginning_until_it_ends() -> None:
    let_go, begun = asyncio.Event(), 0

    async def stubborn() -> None:
        nonlocal begun
        begun += 1
        while not let_go.is_set():
            try:
                await let_go.wait()
            except asyncio.CancelledError:
                continue

    dependency = Dependency("stubborn", stubborn, backoff=SOON, timeout=0.02)
    assert await dependency.found(0.0) is not None
    waiting = asyncio.create_task(dependency.until_closed())
    await until(lambda: dependency.breaker.in_a_row >= 4)
    assert begun == 1
    let_go.set()
    await waiting
    assert begun == 2


async def test_one_slow_look_opens_nothing_and_a_second_does(server: Server) -> None:
    dependency = Dependency("server", server.ping, backoff=NEVER, timeout=LONG, every=3600.0)
    server.error = TimeoutError()
    await dependency._looked(0.0)
    assert dependency.breaker.state is State.CLOSED
    assert dependency.told() == "TimeoutError: "
    await dependency._looking()
    assert dependency.breaker.state is State.OPEN


async def test_what_goes_away_and_comes_back_is_noticed_without_any_work(server: Server, dependency: Dependency) -> None:
    gate = Gate()
    dependency.stop(gate)
    watching = asyncio.create_task(dependency.watch())
    await until(lambda: server.probes)
    server.error = ConnectionRefusedError("10.0.0.7 refuses")
    await gate.wait_until_shut()
    assert gate.reasons == {"server": "waiting: server: ConnectionRefusedError"}
    assert opened() == 1.0
    server.error = None
    await gate.wait_until_open()
    assert opened() == 0.0
    watching.cancel()


def opened() -> float | None:
    return REGISTRY.get_sample_value("millrace_breaker_open", {"dependency": "server"})


async def test_an_error_of_ours_is_told_as_it_is(server: Server, dependency: Dependency) -> None:
    gate = Gate()
    dependency.stop(gate)
    server.error = Outage("openai_quota", "the account has no quota")
    await dependency.found(0.0)
    assert gate.reasons == {"server": "waiting: server: openai_quota: the account has no quota"}


async def test_the_gate_of_two_servers_opens_when_both_are_back() -> None:
    gate, servers = Gate(), [Server(), Server()]
    both = [Dependency(f"server {n}", server.ping, backoff=SOON, timeout=LONG) for n, server in enumerate(servers)]
    for each, server in zip(both, servers, strict=True):
        each.stop(gate)
        server.error = ConnectionRefusedError()
    waiting = asyncio.create_task(Outages(both).waited(BROKEN, "notes", "work"))
    await until(lambda: len(gate.reasons) == 2)
    servers[0].error = None
    await until(lambda: len(gate.reasons) == 1)
    assert not waiting.done()
    servers[1].error = None
    assert await waiting
    assert gate.is_open


def raises() -> Awaitable[None]:
    raise OSError("before anything was awaited")


async def cancels() -> None:
    raise asyncio.CancelledError


@pytest.mark.parametrize("probe", [raises, cancels])
async def test_whatever_a_probe_raises_its_server_is_away(probe: Callable[[], Awaitable[None]]) -> None:
    dependency = Dependency("server", probe, backoff=NEVER, timeout=LONG)
    assert await dependency.found(0.0) is not None
    assert dependency.breaker.state is State.OPEN
