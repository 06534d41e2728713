"""Before work that is paid for: a lease, so that nobody else does it, then a look at what is stored already."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TypeVar
from uuid import UUID

import structlog

from storage import inbox, retries
from storage.database import Database
from storage.faults import fault_of
from storage.leases import Leases, new_token
from streams.context import context
from streams.decisions import other_payload
from streams.item import Item
from streams.outages import Outages

log = structlog.get_logger(__name__)

T = TypeVar("T")

# What is leased, and the token of the one who has it.
Lease = tuple[bytes, bytes]

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

    def release(self, items: Iterable[Item]) -> None:
        """Nothing is held."""

    async def run(self) -> None:
        await asyncio.Event().wait()

    async def close(self) -> None:
        """Nothing is held."""


NO_LEASES = NoLeases()


class Leasing:
    """The leases of one lane: on what an event is about where it has a natural key, else on the event.

    Two events that ask for the same thing are thus not worked on, and paid for, at the same time. A lease is renewed until
    its item leaves the lane, so that a living worker keeps it however long the work takes; that of a dead worker ends by
    itself.
    """

    def __init__(self, flow: str, leases: Leases, database: Database, outages: Outages) -> None:
        self.flow, self.leases, self.database, self.outages = flow, leases, database, outages
        self._held: dict[Item, Lease] = {}
        self._asked = set[Lease]()
        """What Redis has been asked for and has not answered: this worker may have it."""
        self._dropped: list[Lease] = []
        self._some = asyncio.Event()
        # A renewal that reached Redis after its release would bring the lease back, and nobody would end it.
        self._turn = asyncio.Lock()

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

    def release(self, items: Iterable[Item]) -> None:
        """The items leave the lane: their leases, if they have one, end."""
        self._drop([lease for item in items if (lease := self._held.pop(item, None)) is not None])

    async def run(self) -> None:
        """Renews and releases leases until cancelled."""
        await asyncio.gather(self._renewing(), self._releasing())

    async def close(self) -> None:
        """Releases what is dropped, asked for or still held: whatever was in hand is another worker's now.

        Comes when nobody claims any more.
        """
        self._dropped += [*self._held.values(), *self._asked]
        self._held.clear()
        self._asked.clear()
        await self._quietly(self._release)

    async def _take(self, items: list[Item], later: Later) -> list[Item]:
        """The items whose lease is ours now."""
        firsts = {_lease_key(item): item for item in reversed(items)}
        tokens = {key: new_token() for key in firsts}
        self._asked.update(tokens.items())
        taken = await self._ended(tokens, self._patiently(lambda: self.leases.take(self.flow, tokens)))
        mine = {firsts[key]: (key, tokens[key]) for key in taken}
        self._held |= mine
        busy = [item for item in items if item not in mine]
        if busy:
            delay = LOOK_AGAIN * (0.5 + 0.5 * random.random())  # noqa: S311 - no secret
            asyncio.get_running_loop().call_later(delay, later, busy)
        return [item for item in items if item in mine]

    async def _ended(self, tokens: Mapping[bytes, bytes], asking: Awaitable[T]) -> T:
        """The answer to what was asked for; if nobody waits for it any more, what it may have taken is released."""
        try:
            answer = await asking
        except BaseException:
            self._drop(tokens.items())
            raise
        finally:
            self._asked.difference_update(tokens.items())
        return answer

    def _drop(self, leases: Iterable[Lease]) -> None:
        self._dropped += leases
        if self._dropped:
            self._some.set()

    async def _stored(self, items: Sequence[Item]) -> dict[UUID, bytes]:
        """The payload hashes under which items are done, or wait for a retry; of one that is that retry, only if it is done.

        The row of a retry that is done is closed: nobody else would come to it.
        """
        if not items:
            return {}
        fresh = [item.uuid for item in items if not item.is_retry]
        retried = [item.uuid for item in items if item.is_retry]

        async def ask() -> dict[UUID, bytes]:
            async with self.database.connection() as connection:
                stored = await inbox.known_hashes(connection, fresh, retried)
                ended = [item.lease for item in items if item.lease is not None and stored.get(item.uuid) == item.lease[1]]
                if ended:
                    await retries.close(connection, ended)
                return stored

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

    async def _renewing(self) -> None:
        while True:
            await asyncio.sleep(self.leases.seconds / RENEWALS_A_LEASE)
            await self._quietly(self._renew)

    async def _releasing(self) -> None:
        while True:
            await self._some.wait()
            self._some.clear()
            await self._quietly(self._release)

    async def _renew(self) -> None:
        async with self._turn:
            held = dict(self._held)
            lost = set(await self.leases.renew(self.flow, dict(held.values()))) if held else set[bytes]()
        for item, (key, token) in held.items():
            if key in lost and self._held.get(item) == (key, token):
                log.warning("lease_lost", **context(self.flow, item), then="the work goes on; the inbox decides")
                self._held.pop(item, None)

    async def _release(self) -> None:
        async with self._turn:
            dropped, self._dropped = self._dropped, []
            try:
                if dropped:
                    await self.leases.release(self.flow, dropped)
            except BaseException:
                self._dropped = dropped + self._dropped
                raise

    async def _quietly(self, step: Callable[[], Awaitable[None]]) -> None:
        try:
            await step()
        except Exception as error:
            if fault_of(error) is None:
                raise
            log.warning("leases_wait", agent=self.flow, error=repr(error))


def _lease_key(item: Item) -> bytes:
    """The same for all events that ask for the same thing."""
    about: str = item.event.data.natural_key()
    return sha256(about.encode()).digest()[:16] if about else item.event.key
