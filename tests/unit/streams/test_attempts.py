"""What costs an event an attempt, and what does not."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any
from unittest.mock import Mock

import asyncpg
import pytest

from events.failures import NotAsked, Outage, Transient
from handlers.flow import FLOWS
from streams.attempts import attempt, turns_of
from streams.backoff import Backoff
from streams.dependency import Dependency
from streams.item import Item
from streams.outages import Outages


async def there() -> None:
    """A server that answers."""


@pytest.fixture
def outages() -> Outages:
    outages = Outages([Dependency("openai", there, timeout=600.0)], fresh=0.0)
    outages.backoff = Backoff(base=0.001, cap=0.002)
    return outages


class Step:
    """Raises these errors, one at a time, and has a result then."""

    def __init__(self, *errors: Exception) -> None:
        self.errors, self.begun = list(errors), 0

    async def __call__(self, items: Sequence[Item]) -> Sequence[Any]:
        self.begun += 1
        if self.errors:
            raise self.errors.pop(0)
        return ["done" for _ in items]


async def results(step: Step, outages: Outages) -> list[Any]:
    item = Mock(spec=Item)
    item.event = None
    return await attempt(step, [item], name="work", flow="audits", timeout=600.0, outages=outages)


async def test_what_was_not_asked_is_asked_again_as_often_as_it_takes(outages: Outages) -> None:
    step = Step(*(NotAsked("openai_away", "not asked") for _ in range(20)))

    assert await results(step, outages) == ["done"]
    assert step.begun == 21


@pytest.mark.parametrize("sqlstate", ["55P03", "40P01", "40001", "53300"])
async def test_what_others_hold_is_waited_for_as_often_as_it_takes(outages: Outages, sqlstate: str) -> None:
    step = Step(*(asyncpg.PostgresError.new({"C": sqlstate, "M": "held"}) for _ in range(20)))

    assert await results(step, outages) == ["done"]
    assert step.begun == 21


@pytest.mark.parametrize("sqlstate", ["57014", "25P04", "57P01", "22021"])
async def test_what_may_be_the_events_doing_spends_an_attempt(outages: Outages, sqlstate: str) -> None:
    [failure] = await results(Step(asyncpg.PostgresError.new({"C": sqlstate, "M": "cut"})), outages)

    assert isinstance(failure, Transient)


async def test_it_takes_its_time_so_that_nothing_spins(outages: Outages) -> None:
    outages.backoff = Backoff(base=3600.0, cap=3600.0)
    step = Step(*(NotAsked("openai_away", "not asked") for _ in range(20)))
    asking = asyncio.create_task(results(step, outages))
    await asyncio.sleep(0.05)
    asking.cancel()

    assert step.begun == 1


async def test_an_outage_that_no_probe_sees_is_a_failure_of_the_one_who_was_asked(outages: Outages) -> None:
    failure = Outage("openai_away", "status 500")

    assert await results(Step(failure), outages) == [failure]


async def test_after_what_was_not_asked_an_answer_that_fails_is_a_failure(outages: Outages) -> None:
    failure = Outage("openai_away", "status 500")

    assert await results(Step(NotAsked("openai_away", "not asked"), failure), outages) == [failure]


async def test_of_slices_one_is_worked_on_at_a_time_and_waiting_for_it_is_no_part_of_a_times(outages: Outages) -> None:
    [slices] = [spec for spec in FLOWS if spec.name == "slices"]
    turn, going_on, begun = turns_of(slices)["work"], asyncio.Event(), list[str]()

    async def first(items: Sequence[Item]) -> Sequence[Any]:
        begun.append("first")
        await going_on.wait()
        return ["done" for _ in items]

    async def second(items: Sequence[Item]) -> Sequence[Any]:
        begun.append("second")
        return ["done" for _ in items]

    item = Mock(spec=Item)
    long = asyncio.create_task(attempt(first, [item], "work", flow="slices", timeout=600.0, outages=outages, turn=turn))
    await asyncio.sleep(0)
    short = asyncio.create_task(attempt(second, [item], "work", flow="slices", timeout=0.05, outages=outages, turn=turn))
    await asyncio.sleep(0.2)
    assert begun == ["first"]
    going_on.set()
    assert await asyncio.gather(long, short) == [["done"], ["done"]]
    assert begun == ["first", "second"]
