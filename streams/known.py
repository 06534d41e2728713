"""What is done already: Redis says what may be, the inbox whether it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from storage import inbox
from storage.database import Database
from storage.faults import fault_of
from storage.idempotency import IdempotencyKeys
from streams.item import Item
from streams.outages import Outages


class Known:
    """One Redis round trip a batch, and a look into the inbox only for what Redis takes for done.

    Redis alone would not do: it may remember more than a database that has been restored since.
    """

    def __init__(self, flow: str, keys: IdempotencyKeys, database: Database, outages: Outages) -> None:
        self.flow, self.keys, self.database, self.outages = flow, keys, database, outages

    async def done(self, items: Sequence[Item]) -> set[Item]:
        """The items whose events are done with the same payload. The others are unknown, not new."""
        marks = await self.keys.done(self.flow, [item.event.key for item in items])
        if not any(marks):
            return set()
        marked = [item for item, mark in zip(items, marks, strict=True) if mark == item.event.payload_sha256]
        return await self._confirmed(marked) if marked else set()

    async def mark(self, payloads: Mapping[bytes, bytes]) -> None:
        """Remembers events that are done: their keys and the hashes of their payloads."""
        await self.keys.settle(self.flow, payloads)

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
