"""Before work that is paid for: a lease, so that nobody else does it, then a look at what is stored already."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar
from uuid import UUID

import structlog

from storage import inbox
from storage.database import Database
from storage.faults import fault_of
from storage.leases import Leases
from streams.decisions import other_payload
from streams.item import Item
from streams.outages import Outages

log = structlog.get_logger(__name__)

T = TypeVar("T")

# Seconds between two tries for a lease that another holds; drawn between half of it and all.
LOOK_AGAIN = 1.0
RENEWALS_A_LEASE = 3


@dataclass(slots=True)
class Claimed:
    """What becomes of items before their work: `free` to begin, `done` (or kept for a retry) already, `refused`."""

    free: list[Item] = field(default_factory=list)
    done: list[Item] = field(default_factory=list)
    refused: list[Item] = field(default_factory=list)


Later = Callable[[Sequence[Item]], None]


class NoLeases:
    """What a lane has whose work costs nothing: everything may begin."""

    async def claim(self, items: list[Item], _later: Later) -> Claimed:
        return Claimed(items)

    def release(self, item: Item) -> None:
        """Nothing is held."""

    async def run(self) -> None:
        await asyncio.Event().wait()

    async def close(self) -> None:
        """Nothing is held."""


NO_LEASES = NoLeases()


class Leasing:
    """The leases of one lane.

    A lease is renewed until its item leaves the lane, so that a living worker keeps it however long the work takes; that
    of a dead worker ends by itself.
    """

    def __init__(self, flow: str, leases: Leases, database: Database, outages: Outages) -> None:
        self.flow, self.leases, self.database, self.outages = flow, leases, database, outages
        self._held: dict[bytes, bytes] = {}
        self._dropped: dict[bytes, bytes] = {}
        self._some = asyncio.Event()

    async def claim(self, items: list[Item], later: Later) -> Claimed:
        """Sorts items into what may begin and what needs not; waits while Redis or Postgres is away.

        An item whose lease another holds takes no slot: it goes to `later`, after a moment.
        """
        mine = await self._take(items, later)
        stored = await self._stored(mine)
        claimed = Claimed()
        for item in mine:
            known = stored.get(item.uuid)
            if known is None:
                claimed.free.append(item)
            elif known == item.event.payload_sha256:
                claimed.done.append(item)
            else:
                item.failure = other_payload(item.event)
                claimed.refused.append(item)
        return claimed

    def release(self, item: Item) -> None:
        """The item leaves the lane: its lease, if it has one, ends."""
        token = self._held.pop(item.event.key, None) if item.owns_key else None
        if token is not None:
            self._dropped[item.event.key] = token
            self._some.set()

    async def run(self) -> None:
        """Renews and releases leases until cancelled."""
        while True:
            try:
                async with asyncio.timeout(self.leases.seconds / RENEWALS_A_LEASE):
                    await self._some.wait()
            except TimeoutError:
                await self._quietly(self._renew)
            self._some.clear()
            await self._quietly(self._release)

    async def close(self) -> None:
        """Releases what is dropped and what is still held: whatever was in hand is another worker's now."""
        self._dropped |= self._held
        self._held.clear()
        await self._quietly(self._release)

    async def _take(self, items: list[Item], later: Later) -> list[Item]:
        """The items whose lease is ours now."""
        keys = [item.event.key for item in items]
        tokens = await self._patiently(lambda: self.leases.take(self.flow, keys))
        self._held |= tokens
        busy = [item for item in items if item.event.key not in tokens]
        if busy:
            delay = LOOK_AGAIN * (0.5 + 0.5 * random.random())  # noqa: S311 - no secret
            asyncio.get_running_loop().call_later(delay, later, busy)
        return [item for item in items if item.event.key in tokens]

    async def _stored(self, items: Sequence[Item]) -> dict[UUID, bytes]:
        """The payload hashes under which items are done, or wait for a retry; of one that is that retry, only if it is done."""
        if not items:
            return {}
        fresh = [item.uuid for item in items if not item.is_retry]
        retried = [item.uuid for item in items if item.is_retry]

        async def ask() -> dict[UUID, bytes]:
            async with self.database.connection() as connection:
                return await inbox.known_hashes(connection, fresh, retried)

        return await self._patiently(ask)

    async def _patiently(self, ask: Callable[[], Awaitable[T]]) -> T:
        while True:
            try:
                return await ask()
            except Exception as error:
                if fault_of(error) is None:
                    raise
                if not await self.outages.waited(error, self.flow, "claim"):
                    await asyncio.sleep(LOOK_AGAIN)

    async def _renew(self) -> None:
        for key in await self.leases.renew(self.flow, self._held) if self._held else ():
            log.warning("lease_lost", agent=self.flow, then="the work goes on; the inbox decides what takes effect")
            self._held.pop(key, None)

    async def _release(self) -> None:
        dropped, self._dropped = self._dropped, {}
        if dropped:
            await self.leases.release(self.flow, dropped.items())

    async def _quietly(self, step: Callable[[], Awaitable[None]]) -> None:
        try:
            await step()
        except Exception as error:
            if fault_of(error) is None:
                raise
            log.warning("leases_wait", agent=self.flow, error=repr(error))
