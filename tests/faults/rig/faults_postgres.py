"""What is done to PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import asyncpg

from tests.faults.rig.world import World

TERMINATE = "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'millrace-worker'"
REFUSED = (asyncpg.TooManyConnectionsError, OSError, TimeoutError)
LOSSES = 3
# A session that waits for the outbox and has written to the inbox: the group of a worker, shortly before its commit.
WAITERS = """
select count(*) from pg_locks as waiting join pg_locks as held using (pid)
where not waiting.granted and waiting.relation = 'outbox'::regclass
    and held.granted and held.relation = 'inbox'::regclass and held.mode = 'RowExclusiveLock'
"""
# All workers may be dead when a fault begins, and those that follow wait for a session time-out: it waits for them.
PATIENCE = 240.0
CONNECT_SECONDS = 60.0


@asynccontextmanager
async def superuser(world: World) -> AsyncIterator[Any]:
    """A session that no limit of the workers' holds up."""
    connection = await _as_superuser(world)
    try:
        yield connection
    finally:
        with suppress(*REFUSED, asyncpg.PostgresError, asyncpg.InterfaceError):
            await connection.close(timeout=5)


async def _as_superuser(world: World) -> Any:
    """A connection. Those who are about to be refused take the places that are kept for superusers too, for a moment."""
    deadline = _deadline()
    while True:
        try:
            return await asyncpg.connect(world.servers.servers.superuser_url(), timeout=CONNECT_SECONDS)
        except asyncpg.TooManyConnectionsError:
            if _now() > deadline:
                raise
            await asyncio.sleep(0.05)


def _now() -> float:
    return asyncio.get_running_loop().time()


def _deadline() -> float:
    return _now() + PATIENCE


async def postgres_killed(world: World) -> None:
    with world.fault("Postgres is killed and restarted"):
        await world.servers.kill("postgres")
        await asyncio.sleep(world.times.postgres_down)
        await world.servers.start("postgres")


async def backends_terminated(world: World) -> None:
    with world.fault("the workers' sessions are terminated") as noted:
        ended, deadline = 0, _deadline()
        async with superuser(world) as connection:
            while not ended and _now() < deadline:
                ended = len(await connection.fetch(TERMINATE))
                await asyncio.sleep(0 if ended else 0.1)
        noted.told = f"{ended} of them"
        assert ended, f"no worker had a session within {PATIENCE:g} s"


async def connections_full(world: World) -> None:
    """Others take every connection that is free, and the workers' own when those have been ended."""
    with world.fault("all connections are taken") as noted:
        taken = list[Any]()
        try:
            await _take_all(world, taken)
            async with superuser(world) as connection:
                await connection.execute(TERMINATE)
            await _take_all(world, taken)
            noted.told = f"{len(taken)} of them"
            await asyncio.sleep(world.times.postgres_crowded)
        finally:
            for each in taken:
                each.terminate()


async def _take_all(world: World, taken: list[Any]) -> None:
    with suppress(*REFUSED, asyncpg.PostgresError):
        while True:
            taken.append(await asyncpg.connect(world.sight.url, timeout=3))


async def table_locked(world: World) -> None:
    """Somebody holds the inbox for longer than the workers' lock_timeout."""
    with world.fault("the inbox is locked"):
        async with superuser(world) as connection, connection.transaction():
            await connection.execute("lock table inbox in access exclusive mode")
            await asyncio.sleep(world.times.postgres_locked)


async def deadlock(world: World) -> None:
    """Somebody takes outbox and inbox against the workers' order; the worker is the one that is chosen to give way."""
    with world.fault("a deadlock") as noted:
        async with superuser(world) as connection:
            before = await _deadlocks(world)
            await connection.execute("set deadlock_timeout = '20s'")
            counted, deadline = 0, _deadline()
            while not counted and _now() < deadline:
                with suppress(asyncpg.DeadlockDetectedError, asyncpg.LockNotAvailableError, TimeoutError):
                    await _cross(connection)
                await asyncio.sleep(1.2)  # the statistics are told a second later
                counted = await _deadlocks(world) - before
        noted.told = f"{counted} counted"
        assert counted, "no worker came to wait for the outbox with the inbox in its hands"


async def _cross(connection: Any) -> None:
    async with connection.transaction():
        await connection.execute("lock table outbox in share mode")
        await _until_somebody_waits(connection)
        await connection.execute("set local lock_timeout = '4s'")
        await connection.execute("lock table inbox in share mode")


async def _until_somebody_waits(connection: Any) -> None:
    async with asyncio.timeout(4):
        while not await connection.fetchval(WAITERS):  # noqa: ASYNC110 - it is another process that is asked
            await asyncio.sleep(0.01)


async def _deadlocks(world: World) -> int:
    count: int = await world.sight.value("select deadlocks from pg_stat_database where datname = current_database()")
    return count


async def answers_lost(world: World) -> None:
    """Commits are applied, and the connection breaks before the worker hears of it."""
    with world.fault("commits lose their answers") as noted:
        before = world.postgres.answers_lost
        world.postgres.lose_answers(LOSSES)
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                # The last question may be asked long before it is answered.
                while world.postgres.answers_to_lose or world.postgres.answers_lost == before:  # noqa: ASYNC110 - threads count
                    await asyncio.sleep(0.05)
        await asyncio.sleep(0.2)
        world.postgres.lose_answers(0)
        lost = world.postgres.answers_lost - before
        noted.told = f"{lost} lost"
        assert lost, "no commit of a worker came by"
