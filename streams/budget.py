"""What a lane may hold at once, in records and in bytes: the bound on its memory."""

from __future__ import annotations

import asyncio


class Budget:
    """Room for records between their intake and their settlement.

    One batch may overfill it (a fetch that is already here has to go somewhere); after that `has_room` is False until
    enough has been given back.
    """

    def __init__(self, records: int, size: int) -> None:
        self.records, self.size = records, size
        self.held_records = self.held_size = 0
        self._room, self._half_empty = asyncio.Event(), asyncio.Event()
        self._room.set()
        self._half_empty.set()

    @property
    def has_room(self) -> bool:
        return self.held_records < self.records and self.held_size < self.size

    def take(self, records: int, size: int) -> None:
        self.held_records += records
        self.held_size += size
        if not self.has_room:
            self._room.clear()
            self._half_empty.clear()

    def give(self, records: int, size: int) -> None:
        self.held_records -= records
        self.held_size -= size
        if self.has_room:
            self._room.set()
        if self.held_records * 2 <= self.records and self.held_size * 2 <= self.size:
            self._half_empty.set()

    async def wait_for_room(self, timeout: float) -> bool:
        """Waits until there is room, at most `timeout` seconds; tells whether there is."""
        try:
            async with asyncio.timeout(timeout):
                await self._room.wait()
        except TimeoutError:
            return False
        return True

    async def wait_until_half_empty(self) -> None:
        """Waits until so much is free that a paused consumer is worth resuming."""
        await self._half_empty.wait()
