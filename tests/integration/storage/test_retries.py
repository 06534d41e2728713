"""A key waits once, is leased by one worker at a time, and is closed by its own payload only."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

from events.identity import event_key
from storage import inbox, retries
from storage.database import Database
from storage.inbox import InboxRow
from storage.keys import as_uuid
from storage.retries import RetryRow

TERM = timedelta(seconds=60)
NOW = timedelta(0)


OWNER = uuid4()


def row(
    event_id: str, *, attempts: int = 1, payload: bytes = bytes(32), delay: timedelta = NOW, leased: int | None = None
) -> RetryRow:
    return RetryRow(
        as_uuid(event_key("runs", "/s", event_id, 0)),
        *("runs", "/s", event_id, 0, "acme", payload, "runs.requested", 3, 17, b"k", b"{}", None, attempts, delay),
        error_class="Transient",
        last_error="later",
        leased_attempts=leased,
    )


def waiting(event_id: str, leased: int | None = None) -> RetryRow:
    """One that only waits: no attempt is spent."""
    return row(event_id, attempts=0, leased=leased)._replace(is_waiting=True)


def key(event_id: str) -> UUID:
    return row(event_id).event_key


async def test_a_due_event_is_leased_once_and_its_attempt_counts_from_the_lease(database: Database) -> None:
    async with database.connection() as connection:
        assert await retries.keep(connection, [row("a"), row("b", delay=timedelta(hours=1))], OWNER) == {key("a"), key("b")}
        [due] = await retries.lease(connection, "runs", uuid4(), TERM, 10)
        assert (due.event_key, due.attempts, due.offset, due.value) == (key("a"), 2, 17, b"{}")
        assert await retries.lease(connection, "runs", uuid4(), TERM, 10) == []
        assert await retries.lease(connection, "audits", uuid4(), TERM, 10) == []


GONE = timedelta(seconds=-1)


async def test_an_event_whose_lease_ran_out_is_leased_alone_and_each_time_counts_as_a_death(database: Database) -> None:
    async with database.connection() as connection:
        await retries.keep(connection, [row("a"), row("b"), row("c", delay=timedelta(hours=1))], OWNER)
        assert not await retries.has_run_out(connection, "runs")
        assert await retries.lease_alone(connection, "runs", OWNER, TERM) is None
        await retries.lease(connection, "runs", uuid4(), GONE, 10)
        assert await retries.has_run_out(connection, "runs")
        assert await retries.lease(connection, "runs", OWNER, TERM, 10) == [], "it may be what kills"
        assert await retries.next_due(connection, "runs") > 3500, "nothing is to be hurried for"  # type: ignore[operator]
        first = await retries.lease_alone(connection, "runs", OWNER, GONE)
        second = await retries.lease_alone(connection, "runs", OWNER, TERM)
        again = await retries.lease_alone(connection, "runs", OWNER, TERM)
        assert await retries.lease_alone(connection, "runs", OWNER, TERM) is None
    assert first is not None
    assert second is not None
    assert again is not None
    assert {first.event_key, second.event_key} == {key("a"), key("b")}
    assert (first.deaths, second.deaths) == (1, 1)
    assert (again.event_key, again.deaths) == (first.event_key, 2)
    assert {each.attempts for each in (first, second, again)} == {2}, "the attempt that was leased goes on"


async def test_an_outcome_ends_the_counting_of_deaths(database: Database) -> None:
    async with database.connection() as connection:
        await retries.keep(connection, [row("a")], OWNER)
        await retries.lease(connection, "runs", uuid4(), GONE, 10)
        await retries.lease_alone(connection, "runs", OWNER, TERM)
        assert await retries.keep(connection, [row("a", attempts=2, leased=2)], OWNER) == {key("a")}
        [due] = await retries.lease(connection, "runs", OWNER, TERM, 10)
    assert (due.attempts, due.deaths) == (3, 0)


async def test_what_is_put_back_or_released_by_the_living_was_no_death(database: Database) -> None:
    async with database.connection() as connection:
        await retries.keep(connection, [row("a")], OWNER)
        await retries.lease(connection, "runs", uuid4(), GONE, 10)
        for begun in ([], [key("a")]):
            due = await retries.lease_alone(connection, "runs", OWNER, TERM)
            assert due is not None
            assert (due.attempts, due.deaths) == (2, 1)
            await retries.put_back(connection, key("a"), OWNER)
            due = await retries.lease_alone(connection, "runs", OWNER, TERM)
            assert due is not None
            assert (due.attempts, due.deaths) == (2, 1)
            await retries.release(connection, "runs", OWNER, begun)
        assert not await retries.has_run_out(connection, "runs"), "what was begun keeps its lease"
        await connection.execute("update retries set leased_until = now() - interval '1 second'")
        due = await retries.lease_alone(connection, "runs", OWNER, TERM)
    assert due is not None
    assert (due.attempts, due.deaths) == (2, 1)


async def test_only_the_latest_attempt_moves_a_row_that_waits(database: Database) -> None:
    hour = timedelta(hours=1)
    async with database.connection() as connection:
        await retries.keep(connection, [row("a")], OWNER)
        assert await retries.keep(connection, [row("a", delay=hour)], OWNER) == set()  # a twin
        dead = uuid4()
        await retries.lease(connection, "runs", dead, GONE, 10)
        await retries.lease_alone(connection, "runs", OWNER, TERM)
        assert await retries.keep(connection, [row("a", attempts=2, leased=2, delay=hour)], dead) == set()  # overtaken
        assert await retries.keep(connection, [row("a", attempts=1, leased=1, delay=hour)], OWNER) == set()  # an earlier one
        assert await retries.keep(connection, [row("a", attempts=2, leased=2, delay=hour)], OWNER) == {key("a")}
        wait = await retries.next_due(connection, "runs")
    assert wait is not None
    assert 3500 < wait <= 3600


async def test_what_only_waits_spends_no_attempt_however_often_it_is_looked_at(database: Database) -> None:
    async with database.connection() as connection:
        await retries.keep(connection, [waiting("a")], OWNER)
        for _ in range(3):
            [due] = await retries.lease(connection, "runs", OWNER, TERM, 10)
            assert due.attempts == 1
            assert await retries.keep(connection, [waiting("a", leased=1)], OWNER) == {key("a")}
        await connection.execute("update retries set waiting_since = now() - interval '1 hour'")
        [due] = await retries.lease(connection, "runs", OWNER, TERM, 10)
    assert 3599 < due.waited < 3700


async def test_what_failed_first_and_waits_then_has_waited_since_then(database: Database) -> None:
    async with database.connection() as connection:
        await retries.keep(connection, [row("a")], OWNER)
        await connection.execute("update retries set first_failed_at = now() - interval '1 hour'")
        [due] = await retries.lease(connection, "runs", OWNER, TERM, 10)
        assert due.waited == 0
        await retries.keep(connection, [waiting("a", leased=2)], OWNER)
        [due] = await retries.lease(connection, "runs", OWNER, TERM, 10)
    assert 0 <= due.waited < 60


async def test_an_event_with_an_outcome_is_not_kept(database: Database) -> None:
    done = InboxRow(key("a"), "runs", "/s", "a", 0, "acme", bytes(32), "completed")
    async with database.connection() as connection:
        await inbox.enter(connection, [done])
        assert await retries.keep(connection, [row("a"), row("b")], OWNER) == {key("b")}


async def test_a_conflicting_payload_does_not_close_the_event_it_conflicts_with(database: Database) -> None:
    async with database.connection() as connection:
        await retries.keep(connection, [row("a")], OWNER)
        await retries.close(connection, [(key("a"), b"\1" * 32)])
        assert await retries.stored_hashes(connection, [key("a")]) == {key("a"): bytes(32)}
        await retries.close(connection, [(key("a"), bytes(32))])
        assert await retries.stored_hashes(connection, [key("a")]) == {}
        assert await retries.next_due(connection, "runs") is None


async def test_what_was_leased_and_not_begun_is_given_back_without_an_attempt(database: Database) -> None:
    owner = uuid4()
    async with database.connection() as connection:
        await retries.keep(connection, [row("a"), row("b")], OWNER)
        await retries.lease(connection, "runs", owner, TERM, 10)
        await retries.release(connection, "runs", owner, [key("b")])
        again = await retries.lease(connection, "runs", uuid4(), TERM, 10)
    assert [(due.event_key, due.attempts) for due in again] == [(key("a"), 2)]
