"""How a worker says how it is, to those who ask every second."""

from __future__ import annotations

import asyncio

import pytest

from events.failures import Outage
from streams.health import Health, Steady


class Model:
    """Counts who looks; is away, or slow, as told."""

    def __init__(self, *, is_away: bool = False) -> None:
        self.looks, self.is_away, self.answer = 0, is_away, asyncio.Event()
        self.answer.set()

    async def probe(self) -> None:
        self.looks += 1
        await self.answer.wait()
        if self.is_away:
            raise Outage("openai_lacks_model", "status 404 (model)")


async def there() -> None:
    """A server that answers."""


async def test_however_often_it_is_asked_it_looks_once_in_a_while() -> None:
    model = Model(is_away=True)
    steady = Steady(model.probe, fresh=3600.0)
    for _ in range(50):
        with pytest.raises(Outage):
            await steady()
    assert model.looks == 1


async def test_then_it_looks_again() -> None:
    model = Model(is_away=True)
    steady = Steady(model.probe, fresh=0.0)
    with pytest.raises(Outage):
        await steady()
    model.is_away = False
    await steady()
    assert model.looks == 2


async def test_a_look_goes_on_although_whoever_asked_waits_no_longer() -> None:
    model = Model()
    model.answer.clear()
    steady = Steady(model.probe, fresh=3600.0, patience=0.01)
    with pytest.raises(TimeoutError):
        await steady()
    model.answer.set()
    await steady()
    assert model.looks == 1


async def test_while_a_look_takes_long_the_one_before_answers() -> None:
    model = Model()
    steady = Steady(model.probe, fresh=0.0, patience=0.01)
    await steady()
    model.answer.clear()
    await steady()
    await steady()
    assert model.looks == 2
    steady.close()


async def test_a_model_that_is_away_is_openai_away_and_the_lane_that_asks_it_waits() -> None:
    audits, documents = Model(is_away=True), Model()
    health = Health({"database": there}, {"documents": documents.probe, "audits": audits.probe})
    error = "Outage: openai_lacks_model: status 404 (model)"
    assert await health.told() == {"database": "ok", "openai": error, "audits": f"waiting: {error}"}


async def test_where_all_models_are_there_openai_is_ok() -> None:
    health = Health({"database": there}, {"documents": Model().probe})
    assert await health.told() == {"database": "ok", "openai": "ok"}


async def test_where_nobody_asks_openai_nothing_is_said_of_it() -> None:
    assert await Health({"database": there}, {}).told() == {"database": "ok"}
