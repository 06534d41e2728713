"""The items that a hand or a committer has: what a rebalance or a shutdown waits for."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from uuid import UUID

from streams.item import Item
from streams.offsets import Partition


class Custody:
    """Knows the items in hand."""

    def __init__(self) -> None:
        self._items: set[Item] = set()
        self._changed = asyncio.Event()

    def take(self, items: Iterable[Item]) -> None:
        self._items.update(items)

    def release(self, items: Iterable[Item]) -> None:
        """The items have their outcome, or were never taken."""
        self._items.difference_update(items)
        self._changed.set()

    @property
    def count(self) -> int:
        return len(self._items)

    def retried(self) -> list[UUID]:
        """The keys of the items in hand that come from `retries`."""
        return [item.lease[0] for item in self._items if item.lease is not None]

    async def empty(self, bound: float | None, partitions: Sequence[Partition] | None = None) -> bool:
        """Waits, at most `bound` seconds if any, until nothing (of these partitions) is in hand; tells whether that is so."""
        try:
            async with asyncio.timeout(bound):
                while self._items if partitions is None else self._holds(partitions):
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            return False
        return True

    def _holds(self, partitions: Sequence[Partition]) -> bool:
        # Looked through only while partitions are given back; counting them would cost every item something.
        return any(item.fetch is not None and item.fetch.partition in partitions for item in self._items)
