"""Items that wait for the next step of their lane."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable

from streams.item import Item


class Line:
    """First in, first out, taken many at a time. Its bound is the lane's budget, which counts what stands here too."""

    def __init__(self) -> None:
        self._items: deque[Item] = deque()
        self._some = asyncio.Event()

    def __len__(self) -> int:
        return len(self._items)

    def put(self, items: Iterable[Item]) -> None:
        self._items.extend(items)
        if self._items:
            self._some.set()

    async def take(self, most: int, size: int) -> list[Item]:
        """Waits until there is something; up to `most` items, and no more once they have `size` bytes."""
        while not self._items:
            self._some.clear()
            await self._some.wait()
        taken = [self._items.popleft()]
        size -= taken[0].size
        while self._items and len(taken) < most and size > 0:
            taken.append(self._items.popleft())
            size -= taken[-1].size
        return taken
