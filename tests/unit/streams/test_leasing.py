"""What a lane does with its leases, in which order."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any, cast
from unittest.mock import Mock

import pytest

from storage.leases import Leases
from streams.item import Item
from streams.leasing import Leasing


class SlowLeases:
    """Leases whose renewal takes until `answer` is set; what was done, in the order in which it was done."""

    def __init__(self) -> None:
        self.seconds, self.done = 0.01, list[str]()
        self.asked, self.answer, self.released = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def renew(self, _flow: str, _held: Mapping[bytes, bytes]) -> list[bytes]:
        self.asked.set()
        await self.answer.wait()
        self.done.append("renewed")
        return []

    async def release(self, _flow: str, _held: Iterable[tuple[bytes, bytes]]) -> None:
        self.done.append("released")
        self.released.set()


async def test_a_lease_that_is_dropped_while_it_is_renewed_is_released_after_that() -> None:
    leases = SlowLeases()
    leasing = Leasing("audits", cast("Leases", leases), cast("Any", None), cast("Any", None))
    item = Mock(spec=Item)
    leasing._held[item] = (b"about", b"token")
    running = asyncio.create_task(leasing.run())
    await leases.asked.wait()
    leasing.release([item])
    await asyncio.sleep(0.05)  # in which a release that waits for nothing would be made
    assert leases.done == []
    leases.answer.set()
    await leases.released.wait()
    assert leases.done == ["renewed", "released"]
    running.cancel()


async def test_a_lease_whose_release_fails_is_released_by_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    leases = SlowLeases()
    leasing = Leasing("audits", cast("Leases", leases), cast("Any", None), cast("Any", None))
    tried: list[list[tuple[bytes, bytes]]] = []
    begun = asyncio.Event()

    async def release(_flow: str, held: Iterable[tuple[bytes, bytes]]) -> None:
        tried.append(list(held))
        begun.set()
        if len(tried) == 1:
            await asyncio.Event().wait()  # until it is cancelled, as at a stop

    monkeypatch.setattr(leases, "release", release)
    leasing._drop([(b"about", b"token")])
    running = asyncio.create_task(leasing._releasing())
    await begun.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await leasing.close()
    assert tried == [[(b"about", b"token")]] * 2
