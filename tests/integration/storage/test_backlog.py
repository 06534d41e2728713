"""What waits is counted by flow, each row once."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

from events.identity import event_key
from storage import dead_letters, outbox, retries
from storage.backlog import Backlog, backlogs
from storage.database import Connection, Database
from storage.dead_letters import DeadLetterRow
from storage.keys import as_uuid
from storage.outbox import OutboxRow
from storage.retries import RetryRow

OWNER = uuid4()


def retry(event_id: str, delay: timedelta) -> RetryRow:
    return RetryRow(
        as_uuid(event_key("runs", "/s", event_id, 0)),
        *("runs", "/s", event_id, 0, "acme", bytes(32), "runs.requested", 3, 17, b"k", b"{}", None, 1, delay),
        error_class="Transient",
        last_error="later",
    )


def letter(offset: int) -> DeadLetterRow:
    names = ("runs", "runs.requested", 0, offset, "/s", f"e{offset}", 0, "acme", None, b"{}", None)
    return DeadLetterRow(*names, reason="garbage", error_class="Rejection", message="why", fingerprint="f", attempts=1)


def row(flow: str) -> OutboxRow:
    return OutboxRow(uuid4(), flow, "acme", "runs.completed", None, b"{}", None, OWNER)


async def wait(connection: Connection) -> None:
    """Two retries due, of which one is leased; one for later; two publications of which one is parked; three dead letters."""
    due = [retry("a", timedelta(seconds=-1)), retry("b", timedelta(seconds=-2)), retry("c", timedelta(hours=1))]
    await retries.keep(connection, due, OWNER)
    await retries.lease(connection, "runs", OWNER, timedelta(seconds=60), 1)
    parked = row("runs")
    await outbox.add(connection, [row("runs"), parked, row("documents")])
    await outbox.park(connection, parked.id, "too large")
    await dead_letters.bury(connection, [letter(offset) for offset in range(3)])


async def test_nothing_waits_in_an_empty_database(database: Database) -> None:
    async with database.connection() as connection:
        assert await backlogs(connection) == {}


async def test_what_waits_is_counted_once_by_flow(database: Database) -> None:
    async with database.transaction() as connection:
        await wait(connection)
        found = await backlogs(connection)
    assert found["documents"] == Backlog(unpublished=1, oldest_seconds=found["documents"].oldest_seconds)
    runs = found["runs"]
    assert (runs.waiting, runs.due, runs.in_hand) == (1, 1, 1)
    assert (runs.unpublished, runs.parked, runs.dead_letters) == (1, 1, 3)


async def test_a_lease_that_has_run_out_is_due_again_and_discarded_letters_wait_for_nobody(database: Database) -> None:
    async with database.transaction() as connection:
        await wait(connection)
        await connection.execute("update retries set leased_until = now() - interval '1 second' where leased_until is not null")
        await connection.execute("update dead_letters set status = 'discarded'")
        runs = (await backlogs(connection))["runs"]
    assert (runs.waiting, runs.due, runs.in_hand, runs.dead_letters) == (1, 2, 0, 0)
