"""A generation is allotted once, the next after the newest, and confirmed only to whom it was allotted."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from storage import generations
from storage.database import Connection, Database
from storage.generations import Allotment, Wanted, Wish, allot, allot_once, allotted
from tests.support.databases import until_waited_for


def wanted(event_id: str = "e-1", generation: int = 0, **changes: Any) -> Wanted:
    return Wanted("runs", "/s", event_id, generation, uuid4())._replace(**changes)


async def allot_one(connection: Connection, one: Wanted, replay_id: str = "r-1") -> int:
    return (await allot(connection, [one], replay_id, "me@here"))[one.letter_id]


async def test_each_allotment_is_the_next_after_the_newest(database: Database) -> None:
    async with database.connection() as connection:
        assert await allot_one(connection, wanted()) == 1
        assert await allot_one(connection, wanted()) == 2
        assert await allot_one(connection, wanted(generation=1)) == 3
        assert await allot_one(connection, wanted("e-2")) == 1
        assert await allot_one(connection, wanted(source="/other")) == 1
        assert await allot_one(connection, wanted(flow="audits")) == 1


async def test_a_letter_knows_of_generations_that_a_restored_database_does_not(database: Database) -> None:
    async with database.connection() as connection:
        assert await allot_one(connection, wanted(generation=6)) == 7


async def test_several_letters_of_one_event_are_allotted_a_generation_each(database: Database) -> None:
    letters = [wanted(), wanted("e-2"), wanted(), wanted(generation=3), wanted("e-2")]
    async with database.connection() as connection:
        found = await allot(connection, letters, "r-1", "me@here")
    assert sorted(found[each.letter_id] for each in letters if each.event_id == "e-1") == [4, 5, 6]
    assert sorted(found[each.letter_id] for each in letters if each.event_id == "e-2") == [1, 2]


async def test_who_asked_under_which_replay_for_which_letter_is_kept(database: Database) -> None:
    letter = wanted()
    async with database.connection() as connection:
        await allot_one(connection, letter)
        row = await connection.fetchrow("select * from generations")
    assert (row["replay_id"], row["dead_letter_id"], row["requested_by"]) == ("r-1", letter.letter_id, "me@here")


async def test_a_replay_allots_one_generation_to_an_event_however_often_it_asks(database: Database) -> None:
    wishes = [Wish("/s", "e-1", 0), Wish("/s", "e-2", 4), Wish("/other", "e-1", 0)]
    async with database.connection() as connection:
        await allot_one(connection, wanted())
        first = await allot_once(connection, "runs", wishes, "r-2", "me@here")
        await allot_one(connection, wanted(), "r-3")
        again = await allot_once(connection, "runs", wishes[:2], "r-2", "you@there")
        later = await allot_once(connection, "runs", wishes[:1], "r-4", "me@here")
        assert await allot_once(connection, "audits", wishes[:1], "r-2", "me@here") == {("/s", "e-1"): 1}
        assert await allot_once(connection, "runs", [], "r-2", "me@here") == {}
        by = await connection.fetchval("select count(*) from generations where requested_by = 'you@there'")
    assert first == {("/s", "e-1"): 2, ("/s", "e-2"): 5, ("/other", "e-1"): 1}
    assert again == {("/s", "e-1"): 2, ("/s", "e-2"): 5}
    assert (later, by) == ({("/s", "e-1"): 4}, 0)


async def test_of_replays_that_allot_at_once_one_is_told_to_ask_again(database: Database) -> None:
    async with database.transaction() as first, database.transaction() as second:
        assert await allot_once(first, "runs", [Wish("/s", "e-1", 0)], "r-1", "me@here") == {("/s", "e-1"): 1}
        late = asyncio.create_task(allot_once(second, "runs", [Wish("/s", "e-1", 0)], "r-1", "me@here"))
        await until_waited_for(first)
        assert not late.done()
        await first.execute("commit")
        with pytest.raises(asyncpg.UniqueViolationError) as refused:
            await late
        assert generations.is_taken(refused.value)
        await first.execute("begin")
        await second.execute("rollback")
        await second.execute("begin")
        assert await allot_once(second, "runs", [Wish("/s", "e-1", 0)], "r-1", "me@here") == {("/s", "e-1"): 1}


async def test_nothing_is_allotted_to_nobody(database: Database) -> None:
    async with database.connection() as connection:
        assert await allot(connection, [], "r-1", "me@here") == {}


async def test_of_two_that_allot_at_once_one_is_told_to_ask_again(database: Database) -> None:
    async with database.connection() as connection:
        other = await asyncpg.connect(database.engine.url.set(drivername="postgresql").render_as_string(hide_password=False))
        try:
            with pytest.raises(asyncpg.UniqueViolationError) as caught:
                await race(connection, other)
            assert generations.is_taken(caught.value)
        finally:
            await other.close()


async def race(connection: Connection, other: Connection) -> None:
    """The second decides on a snapshot from before the first has committed."""
    async with connection.transaction(isolation="repeatable_read"):
        await connection.fetchval("select count(*) from generations")
        await allot_one(other, wanted(), "r-2")
        await allot_one(connection, wanted())


async def test_a_generation_is_confirmed_only_where_all_of_it_is_right(database: Database) -> None:
    right = Allotment("/s", "e-1", 1, "r-1")
    wrong = [
        right._replace(source="/x"),
        right._replace(event_id="e-2"),
        right._replace(generation=2),
        right._replace(replay_id="r-2"),
    ]
    async with database.connection() as connection:
        await allot_one(connection, wanted())
        assert await allotted(connection, "runs", [right, *wrong]) == {right}
        assert await allotted(connection, "audits", [right]) == set()
