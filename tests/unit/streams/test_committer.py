"""What waits to be saved is bounded, together with what has been made of it."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from streams.committer import Committer
from streams.config import LaneLimits
from streams.custody import Custody
from streams.item import Item
from streams.outages import Outages

GROUP_BYTES, GROUP_RECORDS = 100_000, 20


def committer() -> Committer:
    saver: Any = SimpleNamespace(spec=SimpleNamespace(name="notes"))
    nothing: Any = None
    return Committer(
        saver, Custody(), Outages(()), LaneLimits(group_bytes=GROUP_BYTES, group_records=GROUP_RECORDS), nothing, nothing
    )


def finished(nbytes: int) -> Item:
    item = Item("topic", 0, 0, None, b"{}", [], None)
    item.result = SimpleNamespace(nbytes=nbytes)
    return item


async def has_room(full: Committer) -> bool:
    waiting = asyncio.create_task(full.wait_for_room())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    waiting.cancel()
    return waiting.done()


async def test_small_results_leave_room() -> None:
    some = committer()
    some.put([finished(nbytes=100) for _ in range(10)])

    assert await has_room(some)


async def test_results_that_fill_a_group_leave_no_room_until_one_is_taken() -> None:
    full = committer()
    full.put([finished(nbytes=GROUP_BYTES), finished(nbytes=GROUP_BYTES)])
    assert not await has_room(full)

    assert len(full._next_group()) == 1
    assert not await has_room(full)
    assert len(full._next_group()) == 1
    assert await has_room(full)


async def test_a_group_ends_with_the_item_that_fills_it() -> None:
    full = committer()
    full.put([finished(nbytes=GROUP_BYTES // 4) for _ in range(10)])

    assert [len(full._next_group()) for _ in range(3)] == [4, 4, 2]


async def test_a_group_has_no_more_records_than_it_may_however_they_came() -> None:
    full = committer()
    full.put([finished(nbytes=0) for _ in range(GROUP_RECORDS - 2)])
    full.put([finished(nbytes=0) for _ in range(GROUP_RECORDS)])

    assert [len(full._next_group()) for _ in range(3)] == [GROUP_RECORDS, GROUP_RECORDS - 2, 0]
