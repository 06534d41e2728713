"""The inbox takes a key once, whoever comes with it."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from events.identity import event_key
from storage import inbox
from storage.database import Database
from storage.inbox import InboxRow
from storage.keys import as_uuid
from tests.support.databases import until_waited_for


def row(event_id: str, payload: bytes = bytes(32)) -> InboxRow:
    return InboxRow(as_uuid(event_key("runs", "/s", event_id, 0)), "runs", "/s", event_id, 0, "acme", payload, "completed")


async def test_new_keys_are_entered_by_copy(database: Database) -> None:
    async with database.transaction() as connection:
        await inbox.enter(connection, [row("a"), row("b")])
        stored = await inbox.stored_hashes(connection, [row("a").event_key, row("c").event_key])
    assert stored == {row("a").event_key: bytes(32)}


async def test_a_key_that_is_taken_is_told_from_other_violations(database: Database) -> None:
    async with database.connection() as connection:
        await inbox.enter(connection, [row("a")])
        with pytest.raises(asyncpg.UniqueViolationError) as taken:
            await inbox.enter(connection, [row("a")])
        with pytest.raises(asyncpg.CheckViolationError) as other:
            await inbox.enter(connection, [row("b")._replace(outcome="undecided")])
    assert inbox.is_taken(taken.value)
    assert not inbox.is_taken(other.value)


async def test_only_new_keys_are_entered_beside_those_that_are_taken(database: Database) -> None:
    async with database.connection() as connection:
        await inbox.enter(connection, [row("a")])
        new = await inbox.enter_new(connection, [row("c"), row("a", b"\1" * 32), row("b")])
        stored = await inbox.stored_hashes(connection, [row("a").event_key])
    assert new == {row("b").event_key, row("c").event_key}
    assert stored == {row("a").event_key: bytes(32)}


async def test_of_two_groups_with_one_key_the_second_waits_and_sees_it_taken(database: Database) -> None:
    entered = asyncio.Event()

    async def second() -> set[object]:
        await entered.wait()
        async with database.transaction() as connection:
            return set(await inbox.enter_new(connection, [row("a"), row("b")]))

    waiting = asyncio.create_task(second())
    async with database.transaction() as connection:
        await inbox.enter(connection, [row("a")])
        entered.set()
        await until_waited_for(connection)
        assert not waiting.done()
    assert await waiting == {row("b").event_key}
