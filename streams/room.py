"""Who may work in this process: everybody, or one record alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from streams.custody import Custody


class Shared:
    """Being in the room with others. Entering costs nothing while nobody wants to be alone."""

    __slots__ = ("room",)

    def __init__(self, room: Room) -> None:
        self.room = room

    async def __aenter__(self) -> None:
        room = self.room
        while not room.is_open:
            room.waiting += 1
            try:
                await room.opened.wait()
            finally:
                room.waiting -= 1
        room.inside += 1

    async def __aexit__(self, *_: object) -> None:
        room = self.room
        room.inside -= 1
        if not room.inside:
            room.left.set()


class Room:
    """One for all lanes of a process.

    Whoever is alone in it knows that nothing else is decoded, worked on, saved or published meanwhile: if the process dies, it
    is by what this one has in hand, or by a hand from outside.
    """

    def __init__(self) -> None:
        self.inside = self.waiting = 0
        self.is_open = True
        self.wanted: set[str] = set()
        """The flows that have records to be alone with."""
        self.opened, self.left = asyncio.Event(), asyncio.Event()
        self.opened.set()
        self._custodies: list[Custody] = []
        self._turn = asyncio.Lock()
        self.shared = Shared(self)

    def watch(self, custody: Custody) -> None:
        """What is in this custody is in the room too, until it has its outcome."""
        self._custodies.append(custody)

    @asynccontextmanager
    async def alone(self, patience: float | None = None) -> AsyncIterator[bool]:
        """Lets nobody in, waits until all have left and all that was in hand has its outcome; then this one is alone.

        False when that took longer than `patience` seconds: somebody works for long, or waits for a server.
        """
        async with self._turn:
            self.is_open = False
            self.opened.clear()
            try:
                yield await self._emptied(patience)
            finally:
                self.is_open = True
                self.opened.set()

    async def _emptied(self, patience: float | None) -> bool:
        try:
            async with asyncio.timeout(patience):
                while self.inside:
                    self.left.clear()
                    await self.left.wait()
                await self.quiet()
        except TimeoutError:
            return False
        return True

    async def quiet(self) -> None:
        """Waits until everything in hand has its outcome."""
        for custody in self._custodies:
            await custody.empty(None)
