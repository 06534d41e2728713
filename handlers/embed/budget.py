"""How many bytes all documents in work may hold together."""

from __future__ import annotations

import asyncio
from bisect import insort
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple


class ByteBudget:
    """Shares of `most` bytes, given in the order in which documents came.

    What does not fit waits, and whoever came later waits behind it. The first of all that have or want a share never waits,
    so that one that is larger than the whole budget, or that grows while others hold what it wants, goes on: the budget is
    passed by one document at most. Used from one event loop.
    """

    def __init__(self, most: int) -> None:
        self.most, self.held = most, 0
        self._came = 0
        # Both in the order in which the documents came.
        self._waiting: list[_Wish] = []
        self._places: dict[int, None] = {}

    async def take(self, size: int) -> Share:
        """A share of so many bytes, as soon as there is one."""
        self._came += 1
        share = Share(self, self._came)
        self._places[share.place] = None
        try:
            await share.resize(size)
        except BaseException:
            share.release()
            raise
        return share

    async def more(self, place: int, size: int) -> None:
        """So many bytes more for the share that came at this place."""
        wish = _Wish(place, size, asyncio.get_running_loop().create_future())
        insort(self._waiting, wish, key=lambda each: each.place)
        self._grant()
        try:
            await wish.granted
        except asyncio.CancelledError:
            if wish in self._waiting:
                self._waiting.remove(wish)
            self.give(0 if wish.granted.cancelled() else size)
            raise

    def give(self, size: int, gone: int | None = None) -> None:
        """So many bytes are held no longer; `gone` is the place of a share that ended."""
        self.held -= size
        if gone is not None:
            self._places.pop(gone, None)
        self._grant()

    def _grant(self) -> None:
        while self._waiting:
            wish = self._waiting[0]
            if not wish.granted.cancelled():
                if self.held + wish.size > self.most and wish.place != next(iter(self._places)):
                    return
                self.held += wish.size
                wish.granted.set_result(None)
            del self._waiting[0]


class Share:
    """The bytes that one document counts for: until it is released, or nobody has it any more."""

    def __init__(self, budget: ByteBudget, place: int) -> None:
        self.place, self.size = place, 0
        self._budget = budget
        self._soon: Callable[..., object] = asyncio.get_running_loop().call_soon_threadsafe
        self._released = False

    async def resize(self, size: int) -> None:
        """Gives back what is not needed, at once, or waits for more."""
        if size <= self.size:
            self._budget.give(self.size - size)
        else:
            await self._budget.more(self.place, size - self.size)
        self.size = size

    def release(self) -> None:
        """Gives all of it back; may be called again."""
        if not self._released:
            self._released = True
            self._budget.give(self.size, gone=self.place)

    def __del__(self) -> None:
        # What the lane holds of a document ends when it is stored, in no hook of a flow's. Another thread may collect it.
        if not self._released:
            with suppress(RuntimeError):  # the loop is closed: nobody waits
                self._soon(self._budget.give, self.size, self.place)


class _Wish(NamedTuple):
    place: int
    size: int
    granted: asyncio.Future[None]
