"""Rows that wait for Kafka stay their writer's; rows that nobody has are found."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection
from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest

from storage import outbox
from storage.database import Connection, Database
from storage.outbox import OutboxRow
from streams.outages import Outages
from streams.relay import Publication, Relay
from tests.support.rig import eventually

# Whatever holds the machine up is short beside it; where a claim is to run out, the test's clock says so.
CLAIM = 600.0
OLDER = "update outbox set claimed_until = claimed_until - $1::interval"


class SlowPublisher:
    """Takes nothing until it is let go."""

    def __init__(self) -> None:
        self.free = asyncio.Event()
        self.seen: list[object] = []

    async def publish(self, rows: list[OutboxRow]) -> tuple[list[OutboxRow], list[object]]:
        await self.free.wait()
        self.seen += [row.id for row in rows]
        return list(rows), []


@pytest.fixture
def publisher() -> SlowPublisher:
    return SlowPublisher()


class Clock:
    """The time of relays and of the claims in the table, which passes as the test says; less than a second does by itself."""

    def __init__(self, database: Database) -> None:
        self.database, self.passed = database, 0.0
        self._asleep: dict[asyncio.Task[Any] | None, tuple[float, asyncio.Event]] = {}

    def monotonic(self) -> float:
        return time.monotonic() + self.passed

    async def sleep(self, seconds: float) -> None:
        if seconds < 1:
            await asyncio.sleep(seconds)
        else:
            due, awake = self.passed + seconds, asyncio.Event()
            self._asleep[asyncio.current_task()] = due, awake
            await awake.wait()

    async def passes(self, seconds: float, sleepers: set[asyncio.Task[Any]]) -> None:
        """Lets time pass; what the sleepers do in it is done afterwards."""
        async with self.database.connection() as connection:
            await connection.execute(OLDER, timedelta(seconds=seconds))
        self.passed += seconds
        for task, (due, awake) in list(self._asleep.items()):
            if due <= self.passed:
                del self._asleep[task]
                awake.set()

        async def awake_still() -> set[asyncio.Task[Any]]:
            return sleepers - self._asleep.keys()

        await eventually(awake_still, set())


@pytest.fixture
def clock(database: Database, monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock(database)
    monkeypatch.setattr("streams.relay.asyncio", SimpleNamespace(**vars(asyncio) | {"sleep": clock.sleep}))
    monkeypatch.setattr("streams.relay.time", SimpleNamespace(monotonic=clock.monotonic))
    return clock


async def test_what_waits_behind_a_slow_publication_is_taken_by_nobody_else(
    database: Database, publisher: SlowPublisher, clock: Clock
) -> None:
    mine, other, quick = uuid4(), uuid4(), SlowPublisher()
    quick.free.set()
    first, second = (OutboxRow(uuid4(), "runs", "acme", "t", b"k", b"v", None, mine) for _ in range(2))
    async with database.connection() as connection:
        await connection.execute("alter table outbox alter column claimed_until set default now() + interval '600 seconds'")
        await outbox.add(connection, [first, second])
    relay = Relay(database, publisher, mine, outages=Outages(()), claim=CLAIM)  # type: ignore[arg-type]
    rival = Relay(database, quick, other, outages=Outages(()), claim=CLAIM)  # type: ignore[arg-type]
    settled = asyncio.Event()

    async def then() -> None:
        settled.set()

    async def nothing() -> None:
        pass

    await relay.put(Publication("runs", [first], nothing))
    await relay.put(Publication("runs", [second], then))
    sleepers = [asyncio.create_task(loop) for loop in (relay.hold(), rival.take_over())]
    others = [asyncio.create_task(loop) for loop in (relay.publish(), relay.reap(), rival.reap())]
    for _ in range(20):
        await clock.passes(CLAIM / 8, set(sleepers))
    async with database.connection() as connection:
        owner = await connection.fetchval("select owner from outbox where id = $1", second.id)
    publisher.free.set()
    await asyncio.wait_for(settled.wait(), 60)

    async def left() -> int:
        async with database.connection() as connection:
            return int(await connection.fetchval("select count(*) from outbox"))

    await eventually(left, 0)
    for task in (*sleepers, *others):
        task.cancel()
    await asyncio.gather(*sleepers, *others, return_exceptions=True)
    assert owner == mine
    assert quick.seen == [first.id], "of what is published now nobody renews the claim"
    assert publisher.seen == [first.id, second.id]


async def test_what_a_cancelled_deletion_left_is_deleted_at_the_end(database: Database, publisher: SlowPublisher) -> None:
    mine = uuid4()
    row = OutboxRow(uuid4(), "runs", "acme", "t", b"k", b"v", None, mine)
    async with database.connection() as connection:
        await outbox.add(connection, [row])
    relay = Relay(database, publisher, mine, outages=Outages(()), claim=CLAIM)  # type: ignore[arg-type]
    settled = asyncio.Event()

    async def then() -> None:
        settled.set()

    publisher.free.set()
    async with database.transaction() as holding:
        await holding.execute("select from outbox for update")
        await relay.put(Publication("runs", [row], then))
        tasks = [asyncio.create_task(loop) for loop in (relay.publish(), relay.reap())]
        await settled.wait()

        async def waits() -> bool:
            return bool(await holding.fetchval("select exists (select from pg_locks where not granted)"))

        await eventually(waits, True)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    await relay.delete_published()
    async with database.connection() as connection:
        assert await connection.fetchval("select count(*) from outbox") == 0


async def test_what_is_published_within_a_moment_is_deleted_together(
    database: Database, publisher: SlowPublisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what a worker that stops meanwhile had not deleted yet, it deletes last of all."""
    mine, settled, deleted = uuid4(), asyncio.Semaphore(0), list[list[UUID]]()
    rows = [OutboxRow(uuid4(), "runs", "acme", "t", b"k", b"v", None, mine) for _ in range(2)]

    async def then() -> None:
        settled.release()

    async def delete(connection: Connection, ids: Collection[UUID]) -> None:
        deleted.append(list(ids))
        await outbox_delete(connection, ids)

    outbox_delete = outbox.delete
    monkeypatch.setattr("streams.relay.outbox.delete", delete)
    monkeypatch.setattr("streams.relay.REAP_LINGER", 60.0)
    publisher.free.set()
    async with database.connection() as connection:
        await outbox.add(connection, rows)
    relay = Relay(database, publisher, mine, outages=Outages(()), claim=CLAIM)  # type: ignore[arg-type]
    tasks = [asyncio.create_task(loop) for loop in (relay.publish(), relay.reap())]
    for row in rows:
        await relay.put(Publication("runs", [row], then))
        await settled.acquire()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await relay.delete_published()
    assert deleted == [[row.id for row in rows]]
    async with database.connection() as connection:
        assert await connection.fetchval("select count(*) from outbox") == 0
