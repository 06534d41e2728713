"""A worker has one slice's arrays in memory at a time."""

from __future__ import annotations

import asyncio
from threading import Lock
from time import sleep
from typing import Any

import pytest

from handlers.price import slices
from handlers.price.slices import SlicesFlow
from handlers.resources import Resources


async def test_slices_are_priced_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    at_once: list[int] = []
    busy = Lock()

    def priced(loaded: Any, _parsed: Any) -> Any:
        alone = busy.acquire(blocking=False)
        at_once.append(1 if alone else 2)
        sleep(0.02)
        if alone:
            busy.release()
        return loaded

    monkeypatch.setattr(slices, "_worked", priced)
    nowhere: Any = None
    flow = SlicesFlow(Resources(nowhere, nowhere))
    each: Any = ["a", "b", "c"]
    found = await asyncio.gather(*(flow.work([], [one]) for one in each))
    assert found == [["a"], ["b"], ["c"]]
    assert at_once == [1, 1, 1]
