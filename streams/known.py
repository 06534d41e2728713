"""What is done already: Redis says what may be, the inbox whether it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from storage import inbox
from storage.database import Database
from storage.faults import fault_of
from storage.idempotency import IdempotencyKeys
from streams.item import Item
from streams.outages import Outages

# Redis has forgotten when more than half of what was done turned out to be in the inbox; it is asked again when of a batch less
# than an eighth was there.
MANY, FEW = 1 / 2, 1 / 8


class Known:
    """One Redis round trip a batch, and a look into the inbox only for what Redis takes for done.

    Redis alone would not do: it may remember more than a database that has been restored since. Where it has forgotten, and
    events that are done come again, the inbox is asked in its place, before they are worked on in vain.
    """

    def __init__(self, flow: str, keys: IdempotencyKeys, database: Database, outages: Outages) -> None:
        self.flow, self.keys, self.database, self.outages = flow, keys, database, outages
        self._forgotten = False

    async def done(self, items: Sequence[Item]) -> set[Item]:
        """The items whose events are done with the same payload. The others are unknown, not new."""
        if self._forgotten and items:
            return await self._remembered(items)
        marks = await self.keys.done(self.flow, [item.event.key for item in items])
        if not any(marks):
            return set()
        marked = [item for item, mark in zip(items, marks, strict=True) if mark == item.event.payload_sha256]
        return await self._confirmed(marked) if marked else set()

    async def mark(self, payloads: Mapping[bytes, bytes], duplicates: int = 0) -> None:
        """Remembers events that are done: their keys and the hashes of their payloads.

        So many of them were `duplicates`, of which Redis knew nothing.
        """
        if duplicates > MANY * len(payloads):
            self._forgotten = True
        await self.keys.settle(self.flow, payloads)

    async def _remembered(self, items: Sequence[Item]) -> set[Item]:
        """What the inbox says of all items; Redis is told again."""
        found = await self._confirmed(items)
        self._forgotten = len(found) >= FEW * len(items)
        if found:
            await self.mark({item.event.key: item.event.payload_sha256 for item in found})
        return found

    async def _confirmed(self, items: Sequence[Item]) -> set[Item]:
        while True:
            try:
                async with self.database.connection() as connection:
                    stored = await inbox.stored_hashes(connection, [item.uuid for item in items])
            except Exception as error:
                if fault_of(error) is None:
                    raise
                if not await self.outages.waited(error, self.flow, "dedupe"):
                    return set()  # unknown is always a right answer: the inbox decides again at save
            else:
                return {item for item in items if stored.get(item.uuid) == item.event.payload_sha256}
