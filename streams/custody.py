"""The items that a hand or a committer has: what a rebalance or a shutdown waits for."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

from streams.item import Item
from streams.offsets import Partition


class Custody:
    """Counts items in hand, in all and by partition."""

    def __init__(self) -> None:
        self.count = 0
        self._changed = asyncio.Event()

    def take(self, items: Iterable[Item]) -> None:
        for item in items:
            item.in_hand = True
            self.count += 1
            if item.fetch is not None:
                item.fetch.partition.in_hand += 1

    def release(self, item: Item) -> None:
        """The item has its outcome, or was never taken."""
        if not item.in_hand:
            return
        item.in_hand = False
        self.count -= 1
        if item.fetch is not None:
            item.fetch.partition.in_hand -= 1
        self._changed.set()

    async def empty(self, bound: float, partitions: Sequence[Partition] | None = None) -> bool:
        """Waits, at most `bound` seconds, until nothing (of these partitions) is in hand; tells whether that is so."""
        try:
            async with asyncio.timeout(bound):
                while self.count if partitions is None else any(each.in_hand for each in partitions):
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            return False
        return True
