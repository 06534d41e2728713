"""A lane holds no more than it may, but for the batch that fills it."""

from __future__ import annotations

import asyncio

from streams.budget import Budget


async def test_there_is_room_until_records_or_bytes_are_used_up() -> None:
    budget = Budget(records=10, size=1000)
    budget.take(9, 100)
    assert budget.has_room
    budget.take(1, 100)
    assert not budget.has_room
    budget.give(10, 200)
    budget.take(1, 5000)
    assert not budget.has_room


async def test_waiting_for_room_ends_with_room_or_with_patience() -> None:
    budget = Budget(records=2, size=1000)
    budget.take(2, 10)
    assert not await budget.wait_for_room(0.01)
    waiting = asyncio.create_task(budget.wait_for_room(120))
    await asyncio.sleep(0)
    budget.give(1, 5)
    assert await waiting


async def test_a_paused_consumer_is_resumed_only_when_half_is_free() -> None:
    budget = Budget(records=10, size=1000)
    budget.take(10, 10)
    waiting = asyncio.create_task(budget.wait_until_half_empty())
    budget.give(4, 4)
    await asyncio.sleep(0)
    assert not waiting.done()
    budget.give(1, 1)
    await asyncio.wait_for(waiting, 120)
