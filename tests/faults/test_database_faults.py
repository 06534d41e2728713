"""What PostgreSQL does to a transaction that is none of its event's doing: it costs time, never an event."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Any, ClassVar

import asyncpg
import pytest
import structlog

from events.event import Event
from handlers.answer import Answer
from handlers.flow import FlowSpec
from storage.database import Connection, Database, SessionLimits
from streams.app import Engine
from streams.backoff import Backoff
from streams.lane import Lane
from tests.support.accounts import all_is_finished
from tests.support.notes import NotesFlow, note, notes
from tests.support.rig import APPLICATION, Rig, eventually

EVENTS = 30
OURS = f"application_name = '{APPLICATION}' and datname = current_database()"
WAITING = f"select pid from pg_stat_activity where {OURS} and wait_event_type = 'Lock'"


class ReadingFlow(NotesFlow):
    """Reads the notes that are there before it works."""

    async def load(self, events: Sequence[Event]) -> list[None]:
        async with self.resources.database.connection() as connection:
            await connection.fetchval("select count(*) from notes")
        return [None for _ in events]


class SlowToSave(NotesFlow):
    """Holds its first transactions open for a while, as a worker does that stands still."""

    left: ClassVar[int] = 0

    async def save(self, connection: Connection, events: Sequence[Event], results: Sequence[Any]) -> list[Answer | Any]:
        if SlowToSave.left:
            SlowToSave.left -= 1
            await asyncio.sleep(1.0)
        return await super().save(connection, events, results)


@pytest.fixture
def reading(topic_prefix: str) -> FlowSpec:
    return notes(topic_prefix, build=ReadingFlow)


def impatient(rig: Rig, **limits: float) -> None:
    """What a session of the engine may hold, in seconds."""
    rig.limits = replace(SessionLimits(), **limits)


def eager(engine: Engine) -> Lane:
    """The engine's lane, with less patience between two tries, so that many fit into a test."""
    [lane] = engine.lanes
    lane.committer.backoff = Backoff(base=0.01, cap=0.05)
    return lane


async def met(lines: list[Any], event: str) -> Counter[str]:
    return Counter(str(line.get("fault") or line["error"].partition("(")[0]) for line in lines if line["event"] == event)


async def at_least(lines: list[Any], event: str, what: str, times: int) -> None:
    """Waits until that has been met so often."""

    async def often() -> bool:
        return (await met(lines, event))[what] >= times

    await eventually(often, expected=True)


async def all_completed_at_the_first_attempt(rig: Rig, events: int = EVENTS) -> None:
    await rig.until("select count(*) from notes", events)
    await all_is_finished(rig)
    completions = await rig.completions(events)
    assert Counter(each["data"]["status"] for each in completions) == {"completed": events}
    assert await rig.rows("select count(*) from dead_letters") == [{"count": 0}]
    assert set(NotesFlow.worked.values()) == {1}


@asynccontextmanager
async def locked(rig: Rig, table: str) -> AsyncIterator[Connection]:
    """Another session has the whole table, as long as it likes."""
    database = Database(rig.database_url, limits=SessionLimits(transaction=600.0, idle_in_transaction=600.0))
    try:
        async with database.transaction() as rival:
            await rival.execute(f"lock table {table} in access exclusive mode")
            yield rival
    finally:
        await database.close()


@pytest.mark.parametrize("table", ["notes", "inbox", "outbox"])
async def test_a_lock_that_outlasts_any_number_of_tries_to_save_fails_no_event(rig: Rig, table: str) -> None:
    impatient(rig, lock=0.05)
    with structlog.testing.capture_logs() as lines:
        async with rig.engine() as engine:
            lane = eager(engine)
            async with locked(rig, table):
                await rig.publish([note(f"n-{n}") for n in range(EVENTS)])
                await at_least(lines, "save_failed", "again", 25)
                assert (lane.standing() or "").startswith("waiting: saving")
            await all_completed_at_the_first_attempt(rig)
            assert lane.standing() is None


async def test_nor_does_one_that_work_wants_to_read_behind(rig: Rig, reading: FlowSpec) -> None:
    impatient(rig, lock=0.05)
    with structlog.testing.capture_logs() as lines:
        async with rig.engine(spec=reading):
            async with locked(rig, "notes"):
                await rig.publish([note(f"n-{n}") for n in range(EVENTS)])
                await at_least(lines, "held_up", "LockNotAvailableError", rig.config.retry.max_attempts + 2)
            await all_completed_at_the_first_attempt(rig)


async def test_a_deadlock_is_entered_again(rig: Rig) -> None:
    published = 0
    with structlog.testing.capture_logs() as lines:
        async with rig.engine():
            # PostgreSQL ends either of the two; it is the engine that has to come across it.
            while not any("DeadlockDetectedError" in line["error"] for line in lines if line["event"] == "save_failed"):
                published += EVENTS
                with suppress(asyncpg.DeadlockDetectedError):
                    await _entered(rig, [note(f"n-{n}") for n in range(published - EVENTS, published)])
            await all_completed_at_the_first_attempt(rig, published)


async def _entered(rig: Rig, events: Sequence[bytes]) -> None:
    async with locked(rig, "notes") as rival:
        await rig.publish(events)
        await eventually(lambda: is_waiting(rig), expected=True)
        await rival.execute("lock table inbox in access exclusive mode")  # which the engine has in part


async def test_statements_that_are_cancelled_are_made_again_and_the_group_is_split_but_not_given_up(rig: Rig) -> None:
    with structlog.testing.capture_logs() as lines:
        async with rig.engine():
            async with locked(rig, "notes"):
                await rig.publish([note(f"n-{n}") for n in range(EVENTS)])
                while (await met(lines, "save_failed"))["cut"] < 8:
                    await rig.rows(f"select pg_cancel_backend(pid) from ({WAITING}) as waiting")
                    await asyncio.sleep(0.05)
            await all_completed_at_the_first_attempt(rig)
    assert min(line["size"] for line in lines if line["event"] == "save_failed") < EVENTS


async def test_transactions_that_take_too_long_are_made_again(rig: Rig) -> None:
    # Longer than one takes on a busy machine, or it would have to be made again too often.
    impatient(rig, transaction=0.5)
    with structlog.testing.capture_logs() as lines:
        async with rig.engine() as engine:
            eager(engine)
            async with locked(rig, "notes"):
                await rig.publish([note(f"n-{n}") for n in range(EVENTS)])
                await at_least(lines, "save_failed", "cut", 8)
            await all_completed_at_the_first_attempt(rig)


async def test_a_session_that_was_ended_because_it_stood_still_is_followed_by_another(rig: Rig, topic_prefix: str) -> None:
    impatient(rig, idle_in_transaction=0.2)
    SlowToSave.left = 3
    with structlog.testing.capture_logs() as lines:
        async with rig.engine(spec=notes(topic_prefix, build=SlowToSave)):
            await rig.publish([note(f"n-{n}") for n in range(EVENTS)])
            await all_completed_at_the_first_attempt(rig)
    assert SlowToSave.left == 0
    assert (await met(lines, "save_failed"))["broken"] >= 1


async def test_sessions_that_are_ended_again_and_again_fail_no_event(rig: Rig) -> None:
    async with rig.engine():
        for start in range(0, 10 * EVENTS, EVENTS):
            await rig.publish([note(f"n-{n}") for n in range(start, start + EVENTS)])
            for _ in range(4):
                await rig.rows(f"select pg_terminate_backend(pid) from pg_stat_activity where {OURS}")
                await asyncio.sleep(0.02)
        await all_completed_at_the_first_attempt(rig, 10 * EVENTS)


async def test_a_server_whose_connections_others_have_is_waited_for(rig: Rig, reading: FlowSpec) -> None:
    [named] = await rig.rows("select current_database() as database")
    with structlog.testing.capture_logs() as lines:
        async with rig.engine(spec=reading) as engine:
            async with rig.database.engine.connect():
                await rig.rows(f"alter database {named['database']} connection limit 1")
                await rig.rows(f"select pg_terminate_backend(pid) from pg_stat_activity where {OURS}")
                await rig.publish([note(f"n-{n}") for n in range(EVENTS)])
                await eventually(lambda: is_red(engine), expected=True)
                # The first error may be that of the session that was ended.
                await eventually(lambda: is_refused(engine), expected=True)
                await asyncio.sleep(1.0)
                await rig.rows(f"alter database {named['database']} connection limit -1")
            await all_completed_at_the_first_attempt(rig)
            assert (await engine.health())["database"] == "ok"
    assert any(line["event"] == "outage" and "TooManyConnections" in line["error"] for line in lines)


async def is_red(engine: Any) -> bool:
    return bool((await engine.health())["database"] != "ok" and not engine.lanes[0].gate.is_open)


async def is_refused(engine: Any) -> bool:
    return "TooManyConnections" in (engine.lanes[0].standing() or "")


async def is_waiting(rig: Rig) -> bool:
    return bool(await rig.rows(WAITING))
