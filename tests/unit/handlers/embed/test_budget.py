"""Bytes that documents share: nobody overtakes, nobody waits for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.embed.budget import ByteBudget, Share


@pytest.fixture
async def budget() -> ByteBudget:
    return ByteBudget(100)


async def started(coroutine: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
    """The task, after all that it can do by itself."""
    task = asyncio.create_task(coroutine)
    for _ in range(5):
        await asyncio.sleep(0)
    return task


async def test_what_does_not_fit_waits_until_enough_is_given_back(budget: ByteBudget) -> None:
    first, second = await budget.take(60), await budget.take(30)
    third = await started(budget.take(50))
    assert not third.done()
    await second.resize(0)
    assert not third.done()
    first.release()
    assert (await third).size == budget.held == 50


async def test_one_that_is_larger_than_all_waits_for_the_others_and_then_goes(budget: ByteBudget) -> None:
    small = await budget.take(1)
    large = await started(budget.take(500))
    assert not large.done()
    small.release()
    (await large).release()
    assert budget.held == 0


async def test_a_small_one_does_not_overtake_a_large_one_that_waits(budget: ByteBudget) -> None:
    first = await budget.take(60)
    large, small = await started(budget.take(90)), await started(budget.take(10))
    assert not small.done()
    first.release()
    await asyncio.gather(large, small)


async def test_two_that_grow_do_not_wait_for_each_other(budget: ByteBudget) -> None:
    first, second = await budget.take(50), await budget.take(50)
    later = await started(second.resize(90))
    assert not later.done()
    await first.resize(90)
    assert not later.done()
    first.release()
    await later
    assert budget.held == 90


async def test_who_has_a_share_grows_before_another_gets_one(budget: ByteBudget) -> None:
    first, second = await budget.take(60), await budget.take(20)
    new = await started(budget.take(30))
    grown = await started(second.resize(90))
    first.release()
    await grown
    assert not new.done()
    second.release()
    await new


async def test_who_waits_no_longer_leaves_its_place_to_the_next(budget: ByteBudget) -> None:
    first = await budget.take(60)
    large, small = await started(budget.take(90)), await started(budget.take(10))
    large.cancel()
    await small
    first.release()
    assert budget.held == 10


async def test_who_is_told_to_stop_as_its_turn_comes_leaves_nothing_behind(budget: ByteBudget) -> None:
    first = await budget.take(100)
    second, third = await started(budget.take(100)), await started(budget.take(100))
    first.release()
    second.cancel()
    await third
    assert budget.held == 100


async def test_a_share_that_nobody_has_any_more_is_given_back(budget: ByteBudget) -> None:
    share: Share | None = await budget.take(100)
    waiting = await started(budget.take(1))
    assert share is not None
    share = None
    await waiting
    assert budget.held == 1


async def test_releasing_twice_gives_back_once(budget: ByteBudget) -> None:
    share, other = await budget.take(10), await budget.take(10)
    share.release()
    share.release()
    assert budget.held == other.size


@given(st.integers(), st.lists(st.tuples(st.integers(0, 150), st.integers(0, 150)), min_size=1, max_size=12))
def test_all_come_to_an_end_and_the_budget_is_passed_by_one_at_most(seed: int, sizes: list[tuple[int, int]]) -> None:
    draw, most = Random(seed), 100

    async def work(budget: ByteBudget, size: int, grown: int) -> None:
        share = await budget.take(size)
        await pause()
        await share.resize(grown)
        assert budget.held <= most + max(max(each) for each in sizes)
        await pause()
        share.release()

    async def pause() -> None:
        for _ in range(draw.randrange(4)):
            await asyncio.sleep(0)

    async def all_of_them() -> int:
        budget = ByteBudget(most)
        async with asyncio.timeout(120), asyncio.TaskGroup() as group:
            for size, grown in sizes:
                group.create_task(work(budget, size, grown))
        return budget.held

    assert asyncio.run(all_of_them()) == 0
