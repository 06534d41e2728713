"""One process at a time applies a replay; whoever else looks, pauses or aborts sees the same, by the database's clock."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from storage import replays
from storage.database import Connection, Database
from storage.replays import Span

TERM = timedelta(minutes=10)
OVER = timedelta(seconds=-1)


async def planned(connection: Connection, *spans: Span) -> UUID:
    some = spans or (Span(0, 5, 20, 5), Span(3, 0, 7, 0))
    return await replays.plan(connection, "runs", "runs.requested", {"topic": "x"}, {"new": 3}, "me@here", some)


async def claimed(connection: Connection, term: timedelta = TERM) -> tuple[UUID, UUID]:
    replay_id, owner = await planned(connection), uuid4()
    assert await replays.claim(connection, replay_id, owner, "me@here, process 1", term, 100)
    return replay_id, owner


async def status(connection: Connection, replay_id: UUID) -> str:
    replay = await replays.one(connection, replay_id)
    assert replay is not None
    return replay.status


async def test_a_plan_is_read_as_it_was_made(database: Database) -> None:
    async with database.connection() as connection:
        replay_id = await planned(connection)
        replay = await replays.one(connection, replay_id)
        assert replay is not None
        assert (replay.status, replay.requested_by, replay.claim_left) == ("planned", "me@here", 0.0)
        assert (replay.selection, replay.prediction) == ({"topic": "x"}, {"new": 3})
        assert replay.spans == [Span(0, 5, 20, 5), Span(3, 0, 7, 0)]
        assert [(each["by"], each["what"]) for each in replay.history] == [("me@here", "plan")]
        assert await replays.one(connection, uuid4()) is None


async def test_the_newest_are_listed_first(database: Database) -> None:
    async with database.connection() as connection:
        ids = [await planned(connection) for _ in range(3)]
        page, total = await replays.page(connection, offset=1, limit=1)
        assert ([each.id for each in page], total) == ([ids[1]], 3)


async def test_of_many_at_once_one_gets_a_replay(database: Database) -> None:
    async with database.connection() as connection:
        replay_id = await planned(connection)

    async def claim() -> bool:
        async with database.connection() as connection:
            return await replays.claim(connection, replay_id, uuid4(), "me", TERM, 100)

    assert sorted(await asyncio.gather(*(claim() for _ in range(8)))) == [False] * 7 + [True]


async def test_what_is_claimed_is_anothers_only_once_the_claim_has_run_out(database: Database) -> None:
    async with database.connection() as connection:
        replay_id, owner = await claimed(connection)
        assert not await replays.claim(connection, replay_id, uuid4(), "you", TERM, 100)
        assert await replays.renew(connection, replay_id, owner, OVER) == "applying"
        before = time.monotonic()
        assert await replays.claim(connection, replay_id, uuid4(), "you", TERM, 50)
        replay = await replays.one(connection, replay_id)
        assert replay is not None
        assert (replay.applied_by, replay.rate) == ("you", 50)
        assert replay.claim_left <= TERM.total_seconds() <= replay.claim_left + (time.monotonic() - before) + 1


async def test_progress_is_kept_as_totals_and_only_by_the_owner(database: Database) -> None:
    async with database.connection() as connection:
        replay_id, owner = await claimed(connection)
        progress = [Span(3, 0, 7, 4, 2, 1, 1)]
        for _ in range(2):
            assert await replays.keep(connection, replay_id, owner, TERM, progress) == "applying"
        assert await replays.keep(connection, replay_id, uuid4(), TERM, [Span(3, 0, 7, 7, 9)]) is None
        assert await replays.renew(connection, replay_id, uuid4(), TERM) is None
        replay = await replays.one(connection, replay_id)
        assert replay is not None
        assert replay.spans == [Span(0, 5, 20, 5), Span(3, 0, 7, 4, 2, 1, 1)]


async def test_the_owner_is_told_of_a_pause_and_its_progress_is_kept_all_the_same(database: Database) -> None:
    async with database.connection() as connection:
        replay_id, owner = await claimed(connection)
        assert await replays.pause(connection, replay_id, "you@there")
        assert not await replays.pause(connection, replay_id, "you@there")
        assert await replays.keep(connection, replay_id, owner, TERM, [Span(0, 5, 20, 9, 4)]) == "paused"
        assert await replays.resume(connection, replay_id, "you@there")
        assert await replays.renew(connection, replay_id, owner, TERM) == "applying"
        replay = await replays.one(connection, replay_id)
        assert replay is not None
        assert replay.spans[0] == Span(0, 5, 20, 9, 4)
        assert [each["what"] for each in replay.history] == ["plan", "apply", "pause", "resume"]
        assert replay.history[-1]["by"] == "you@there"


async def test_nobody_is_told_to_go_on_where_nobody_waits(database: Database) -> None:
    async with database.connection() as connection:
        replay_id, owner = await claimed(connection)
        assert not await replays.resume(connection, replay_id, "you")
        await replays.release(connection, replay_id, owner, "stop")
        assert await status(connection, replay_id) == "paused"
        assert not await replays.resume(connection, replay_id, "you")
        assert await replays.claim(connection, replay_id, uuid4(), "you", TERM, 100)
        assert await status(connection, replay_id) == "applying"


@pytest.mark.parametrize("ended", ["applied", "aborted"])
async def test_what_has_ended_stays_as_it_is(database: Database, ended: str) -> None:
    async with database.connection() as connection:
        replay_id, owner = await claimed(connection, OVER)
        if ended == "applied":
            assert await replays.finish(connection, replay_id, owner)
        else:
            assert await replays.abort(connection, replay_id, "you")
            assert await replays.renew(connection, replay_id, owner, OVER) == "aborted"
            assert not await replays.finish(connection, replay_id, owner)
        assert not await replays.claim(connection, replay_id, uuid4(), "you", TERM, 100)
        assert not await replays.pause(connection, replay_id, "you")
        assert not await replays.abort(connection, replay_id, "you")
        await replays.release(connection, replay_id, owner, "stop")
        assert await status(connection, replay_id) == ended


async def test_a_plan_that_nobody_applies_can_be_aborted(database: Database) -> None:
    async with database.connection() as connection:
        replay_id = await planned(connection)
        assert await replays.abort(connection, replay_id, "me")
        assert await status(connection, replay_id) == "aborted"


async def test_another_cannot_finish_or_release_what_it_does_not_own(database: Database) -> None:
    async with database.connection() as connection:
        replay_id, owner = await claimed(connection)
        assert not await replays.finish(connection, replay_id, uuid4())
        await replays.release(connection, replay_id, uuid4(), "stop")
        assert await replays.renew(connection, replay_id, owner, TERM) == "applying"
