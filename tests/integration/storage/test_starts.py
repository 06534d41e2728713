"""Starts are counted until there is progress, and only those count whose worker has not left in good order."""

from __future__ import annotations

from uuid import UUID, uuid4

from storage import starts
from storage.database import Connection, Database
from storage.starts import Left, Start

PLACE = ("runs.requested", 3)


async def begin(connection: Connection, offset: int, owner: UUID | None = None) -> Start:
    return (await starts.begin(connection, "runs", owner or uuid4(), {PLACE: offset}))[PLACE]


async def take(connection: Connection, owner: UUID, in_hand: int | None, deaths: int, *, decoded: bool = False) -> None:
    await starts.take(connection, "runs", owner, PLACE, in_hand, deaths, decoded=decoded)


async def test_starts_at_one_offset_are_counted_and_another_offset_is_progress(database: Database) -> None:
    async with database.connection() as connection:
        assert await begin(connection, 5) == Start(*PLACE, 5, 1)
        assert (await begin(connection, 5)).starts == 2
        await starts.reach(connection, "runs", *PLACE, 40)
        await starts.reach(connection, "runs", *PLACE, 30)
        assert await begin(connection, 5) == Start(*PLACE, 5, 3, reach=40)
        assert await begin(connection, 20) == Start(*PLACE, 20, 1)
        assert await begin(connection, 5) == Start(*PLACE, 5, 1), "somebody has set the group back"


async def test_each_partition_and_flow_has_its_own(database: Database) -> None:
    async with database.connection() as connection:
        await begin(connection, 5)
        both = await starts.begin(connection, "runs", uuid4(), {("runs.requested", 4): 5, PLACE: 5})
        other = await starts.begin(connection, "audits", uuid4(), {PLACE: 5})
    assert {place: start.starts for place, start in both.items()} == {PLACE: 2, ("runs.requested", 4): 1}
    assert other[PLACE].starts == 1


async def test_a_start_whose_answer_was_lost_is_not_counted_twice(database: Database) -> None:
    owner = uuid4()
    async with database.connection() as connection:
        assert [(await begin(connection, 5, owner)).starts for _ in range(2)] == [1, 1]


async def test_whoever_leaves_in_good_order_did_not_die(database: Database) -> None:
    async with database.connection() as connection:
        for _ in range(10):
            owner = uuid4()
            assert (await begin(connection, 5, owner)).starts == 1
            await starts.leave(connection, "runs", owner, [Left(*PLACE, 5)])
        await begin(connection, 5)
        assert (await begin(connection, 5)).starts == 2


async def test_a_worker_that_stood_still_and_was_replaced_takes_its_start_back_when_it_wakes(database: Database) -> None:
    asleep, successor = uuid4(), uuid4()
    async with database.connection() as connection:
        await begin(connection, 5, asleep)
        assert (await begin(connection, 5, successor)).starts == 2
        await starts.leave(connection, "runs", asleep, [Left(*PLACE, 5)])
        assert (await begin(connection, 5, successor)).starts == 1, "the row is the successor's still"


async def test_leaving_late_does_not_touch_a_start_elsewhere(database: Database) -> None:
    asleep = uuid4()
    async with database.connection() as connection:
        await begin(connection, 5, asleep)
        await begin(connection, 9)
        await starts.leave(connection, "runs", asleep, [Left(*PLACE, 5)])
        assert (await begin(connection, 9)).starts == 2


async def test_what_was_in_hand_at_a_death_is_remembered_until_it_is_passed(database: Database) -> None:
    async with database.connection() as connection:
        await begin(connection, 5, owner := uuid4())
        await take(connection, owner, 12, 2, decoded=True)
        assert await begin(connection, 8) == Start(*PLACE, 8, 1, in_hand=12, deaths=2, decoded=True)
        assert await begin(connection, 13) == Start(*PLACE, 13, 1)


async def test_what_is_put_down_leaves_no_trace(database: Database) -> None:
    async with database.connection() as connection:
        await begin(connection, 5, owner := uuid4())
        await take(connection, owner, 7, 1)
        await take(connection, owner, None, 0)
        assert await begin(connection, 5) == Start(*PLACE, 5, 2)


async def test_whoever_has_lost_a_partition_says_nothing_of_what_its_successor_has_in_hand(database: Database) -> None:
    asleep, successor = uuid4(), uuid4()
    async with database.connection() as connection:
        await begin(connection, 5, asleep)
        await take(connection, asleep, 7, 1)
        await begin(connection, 5, successor)
        await take(connection, successor, 7, 2)
        await take(connection, asleep, None, 0)
        assert await begin(connection, 5) == Start(*PLACE, 5, 3, in_hand=7, deaths=2)


async def test_what_a_leaving_worker_has_in_hand_is_not_held_against_it(database: Database) -> None:
    owner = uuid4()
    async with database.connection() as connection:
        await begin(connection, 5)
        await begin(connection, 5, owner)
        await take(connection, owner, 7, 3)
        await starts.leave(connection, "runs", owner, [Left(*PLACE, 5, 7)])
        assert await begin(connection, 5) == Start(*PLACE, 5, 2, in_hand=7, deaths=2)
