from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

from handlers.by_type import ByType


class One:
    pass


class Other:
    pass


class Telling:
    """A flow that tells who it is and what it was given."""

    def __init__(self, name: str) -> None:
        self.name = name

    async def load(self, events: Sequence[Any]) -> list[Any]:
        return [(self.name, event.id) for event in events]

    async def work(self, events: Sequence[Any], loaded: Sequence[Any]) -> list[Any]:
        return [(self.name, event.id, each) for event, each in zip(events, loaded, strict=True)]

    async def save(self, connection: Any, events: Sequence[Any], results: Sequence[Any]) -> list[Any]:
        connection.append(self.name)
        return [(self.name, event.id, each) for event, each in zip(events, results, strict=True)]


async def test_each_event_goes_to_the_flow_of_its_type_and_answers_come_in_the_order_of_the_events() -> None:
    flow = ByType({One: Telling("one"), Other: Telling("other")})  # type: ignore[dict-item]
    events: list[Any] = [SimpleNamespace(id=number, data=kind()) for number, kind in enumerate([Other, One, One, Other])]
    names = ["other", "one", "one", "other"]
    assert await flow.load(events) == list(zip(names, range(4), strict=True))
    assert await flow.work(events, "abcd") == list(zip(names, range(4), "abcd", strict=True))
    order: list[str] = []
    assert await flow.save(order, events, "abcd") == list(zip(names, range(4), "abcd", strict=True))
    assert order == ["one", "other"]


async def test_a_flow_without_events_is_not_asked() -> None:
    order: list[str] = []
    await ByType({One: Telling("one"), Other: Telling("other")}).save(  # type: ignore[dict-item]
        order, [SimpleNamespace(id=1, data=Other())], ["a"]
    )
    assert order == ["other"]
