"""What a group stores when it is saved again, and of events that wait in `retries`: on a real database, without Kafka."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from events.failures import Kind, Permanent, Transient
from handlers.answer import Answer
from storage import inbox, retries
from storage.database import Database
from streams import rows
from streams.decisions import RetryPolicy, other_payload
from streams.decoding import read
from streams.group import GroupSaver, Saved
from streams.item import Item, Verdict
from tests.support.notes import note, notes

SPEC = notes("")
POLICY = RetryPolicy(max_attempts=3)
OURS, THEIRS = uuid4(), uuid4()
TERM = timedelta(seconds=60)
LATER = Transient("internal", "not now")


class AnsweringFlow:
    """Gives its answers, or completes every event; `saved` is what it was given."""

    def __init__(self, *answers: Any) -> None:
        self.answers, self.saved = list(answers), list[Any]()

    async def save(self, _connection: Any, events: Sequence[Any], results: Sequence[Any]) -> list[Any]:
        self.saved += results
        return self.answers or [Answer({"status": "completed"}) for _ in events]


def saver(database: Database, flow: Any = None, owner: Any = OURS) -> GroupSaver:
    return GroupSaver(SPEC, flow or AnsweringFlow(), database, owner, POLICY)


def fresh(value: bytes, offset: int = 7) -> Item:
    """A record from Kafka that has been read."""
    item = Item(SPEC.topic, 0, offset, b"k", value, [], None)
    assert read(item, SPEC)
    return item


async def leased(database: Database, value: bytes, owner: Any = OURS, term: timedelta = TERM) -> Item:
    """The same as it comes from `retries`, where it is kept and leased."""
    item = fresh(value)
    item.failure = LATER
    async with database.transaction() as connection:
        await retries.keep(connection, [rows.retry_row(item, POLICY)._replace(delay=timedelta(0))], owner)
        [due] = await retries.lease(connection, SPEC.name, owner, term, 1)
    again = Item(SPEC.topic, 0, 7, b"k", value, [], None, due.attempts, (due.event_key, due.payload_sha256))
    assert read(again, SPEC)
    return again


async def table(database: Database, query: str) -> list[tuple[Any, ...]]:
    async with database.connection() as connection:
        return [tuple(row) for row in await connection.fetch(query)]


def became(saved: Saved) -> dict[Verdict, int]:
    return {verdict: len(items) for verdict, items in saved.became.items() if items}


async def test_a_retry_beside_a_copy_of_itself_gives_its_lease_back(database: Database) -> None:
    retry, copy = await leased(database, note("n-1")), fresh(note("n-1"), offset=9)
    retry.failure = copy.failure = LATER

    assert became(await saver(database).save([copy, retry])) == {Verdict.RETRY: 2}

    assert await table(database, "select attempts, owner, leased_until from retries") == [(2, None, None)]


async def test_what_an_undone_answer_said_is_forgotten(database: Database) -> None:
    failed = Permanent("internal", "an earlier event has failed")
    flow = AnsweringFlow(*(2 * [Answer({"status": "failed"}, failed)]))
    one, other = fresh(note("n-1")), fresh(note("n-2"), offset=8)
    one.result, other.result = "first", "second"
    async with database.connection() as connection:  # letters are refused, once the flow has answered
        await connection.execute("alter table dead_letters add constraint no_letters check (false)")
    with pytest.raises(asyncpg.CheckViolationError, match="no_letters"):
        await saver(database, flow).save([one, other])
    async with database.connection() as connection:
        await connection.execute("alter table dead_letters drop constraint no_letters")

    assert became(await saver(database, flow).save([one, other])) == {Verdict.FAIL: 2}

    assert flow.saved == ["first", "second"] * 2


async def test_a_duplicate_of_what_was_accepted_is_no_conflict_with_another_payload_that_waits(database: Database) -> None:
    waits, accepted = await leased(database, note("n-1", "another")), fresh(note("n-1"))
    async with database.transaction() as connection:
        await inbox.enter(connection, [rows.inbox_row(accepted)])

    assert became(await saver(database).save([accepted])) == {Verdict.DUPLICATE: 1}
    async with database.connection() as connection:
        known = await inbox.known_hashes(connection, [accepted.uuid], [])
    assert known == {accepted.uuid: accepted.event.payload_sha256}
    assert waits.lease is not None
    assert await table(database, "select payload_sha256 from retries") == [(waits.lease[1],)]
    assert await table(database, "select reason from dead_letters") == []


@pytest.mark.parametrize("holder", ["us", "another", "nobody any more"])
async def test_a_retry_is_rejected_by_who_holds_its_lease(database: Database, holder: str) -> None:
    retry = await leased(database, note("n-1"), term=timedelta(seconds=-1))
    async with database.connection() as connection:
        if holder == "another":
            await retries.lease_alone(connection, SPEC.name, THEIRS, TERM)
        if holder == "nobody any more" and retry.lease is not None:
            await retries.close(connection, [retry.lease])
    retry.failure = other_payload(retry.event)
    assert retry.failure.kind is Kind.CONFLICT

    saved = await saver(database).save([retry])

    assert became(saved) == ({Verdict.REJECT: 1} if holder == "us" else {Verdict.RETRY: 1})
    assert len(await table(database, "select from dead_letters")) == len(saved.outbox) == (holder == "us")
    assert await table(database, "select owner from retries") == ([(THEIRS,)] if holder == "another" else [])


async def test_a_retry_that_nobody_could_read_is_rejected_without_being_read(database: Database) -> None:
    retry = await leased(database, note("n-1"))
    unread = Item(SPEC.topic, 0, 7, b"k", note("n-1"), [], None, retry.attempts, retry.lease)
    unread.failure = other_payload(retry.event)

    assert became(await saver(database).save([unread])) == {Verdict.REJECT: 1}

    assert len(await table(database, "select from dead_letters")) == 1
    assert await table(database, "select from retries") == []
