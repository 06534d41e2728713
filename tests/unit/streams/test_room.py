"""Either all work, or one record alone: never both."""

from __future__ import annotations

import asyncio
from typing import cast

from streams.custody import Custody
from streams.item import Item
from streams.room import Room


async def a_few_turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_whoever_wants_to_be_alone_waits_for_those_inside_and_lets_nobody_in() -> None:
    room, said, may_leave = Room(), list[str](), asyncio.Event()

    async def work() -> None:
        async with room.shared:
            await may_leave.wait()
            said.append("worked")

    async def be_alone() -> None:
        async with room.alone():
            said.append("alone")
            await a_few_turns()
            said.append("alone still")

    first = asyncio.create_task(work())
    await a_few_turns()
    alone = asyncio.create_task(be_alone())
    await a_few_turns()
    second = asyncio.create_task(work())
    await a_few_turns()
    assert (said, room.inside, room.waiting) == ([], 1, 1)
    may_leave.set()
    await asyncio.gather(first, alone, second)
    assert said == ["worked", "alone", "alone still", "worked"]
    assert (room.inside, room.waiting) == (0, 0)


async def test_what_is_in_hand_is_finished_first() -> None:
    room, custody, item = Room(), Custody(), cast("Item", object())
    room.watch(custody)
    custody.take([item])
    alone = asyncio.create_task(_enter(room))
    await a_few_turns()
    assert not alone.done()
    custody.release([item])
    await alone


async def test_one_is_alone_at_a_time() -> None:
    room, inside = Room(), list[int]()

    async def be_alone() -> None:
        async with room.alone():
            inside.append(1)
            await a_few_turns()
            assert len(inside) == 1
            inside.clear()

    await asyncio.gather(*(be_alone() for _ in range(3)))
    assert room.is_open


async def test_who_is_cancelled_while_it_waits_leaves_no_trace() -> None:
    room = Room()
    async with room.alone():
        waiting = asyncio.create_task(_share(room))
        await a_few_turns()
        assert room.waiting == 1
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    assert (room.waiting, room.inside) == (0, 0)


async def test_who_cannot_be_alone_in_time_lets_the_others_go_on() -> None:
    room = Room()
    async with room.shared:
        async with room.alone(0.01) as is_alone:
            assert not is_alone
        assert room.is_open
        await _share(room)
    async with room.alone(0.01) as is_alone:
        assert is_alone


async def _enter(room: Room) -> None:
    async with room.alone():
        pass


async def _share(room: Room) -> None:
    async with room.shared:
        pass
