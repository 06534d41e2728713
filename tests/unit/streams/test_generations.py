"""A batch is asked about only when it has a generation above 0, and an outage is waited out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
import pytest

from events.event import decode
from events.failures import Reason
from events.model import Data
from streams import generations
from streams.generations import Allotments
from streams.item import Item


class Anything(Data):
    """Any data will do."""


class FakeDatabase:
    """Answers with what was allotted, once as many calls have failed as `failures` has errors."""

    def __init__(self, *allotted: tuple[str, str, int, str], failures: tuple[Exception, ...] = ()) -> None:
        self.allotted, self.failures, self.asked = allotted, list(failures), 0

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Any]:
        self.asked += 1
        if self.failures:
            raise self.failures.pop()
        yield self

    async def fetch(self, _query: str, *_arguments: Any) -> list[dict[str, Any]]:
        names = ("source", "event_id", "generation", "replay_id")
        return [dict(zip(names, row, strict=True)) for row in self.allotted]


class FakeOutages:
    """Says of every error that it was an outage, or that it was not."""

    def __init__(self, *, outage: bool) -> None:
        self.outage = outage

    async def waited(self, _error: BaseException, _flow: str, _stage: str) -> bool:
        return self.outage


def item(event_id: str, **changes: Any) -> Item:
    envelope = {"id": event_id, "source": "/s", "type": "t.v1", "clientid": "acme", "data": {}} | changes
    made = Item("topic", 0, 0, None, orjson.dumps(envelope), (), None)
    made.accept(decode(made.value, "flow", {"t.v1": Anything}))
    return made


def allotments(database: FakeDatabase, *, outage: bool = True) -> Allotments:
    return Allotments("flow", database, FakeOutages(outage=outage))  # type: ignore[arg-type]


async def test_a_batch_of_first_generations_asks_nothing() -> None:
    database, items = FakeDatabase(), [item("a"), item("b", generation=0, replayid="r")]
    assert await allotments(database).confirmed(items) == items
    assert database.asked == 0


async def test_a_batch_is_asked_about_once_and_only_what_was_not_allotted_fails() -> None:
    database = FakeDatabase(("/s", "b", 1, "r"))
    items = [item("a"), item("b", generation=1, replayid="r"), item("c", generation=1, replayid="r"), item("d")]
    assert await allotments(database).confirmed(items) == [items[0], items[1], items[3]]
    assert database.asked == 1
    assert items[2].failure is not None
    assert items[2].failure.code == Reason.GENERATION_NOT_ALLOTTED
    assert items[2].identity is not None


@pytest.mark.parametrize("outage", [True, False])
async def test_while_the_database_does_not_answer_nothing_is_decided(outage: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generations, "LOOK_AGAIN", 0.001)
    database = FakeDatabase(("/s", "a", 1, "r"), failures=(OSError(), TimeoutError()))
    items = [item("a", generation=1, replayid="r")]
    assert await allotments(database, outage=outage).confirmed(items) == items
    assert database.asked == 3


async def test_a_fault_of_ours_is_no_outage() -> None:
    database = FakeDatabase(failures=(ZeroDivisionError(),))
    with pytest.raises(ZeroDivisionError):
        await allotments(database).confirmed([item("a", generation=1, replayid="r")])
