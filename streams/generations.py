"""Whether an event of a generation above 0 may be worked on: only when that generation was allotted to it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from events.event import Event, not_allotted
from storage.database import Database
from storage.faults import fault_of
from storage.generations import Allotment, allotted
from streams.item import Item
from streams.outages import Outages

LOOK_AGAIN = 1.0


class Allotments:
    """One query for all events of a batch that need it; a batch of first generations costs nothing."""

    def __init__(self, flow: str, database: Database, outages: Outages) -> None:
        self.flow, self.database, self.outages = flow, database, outages

    async def confirmed(self, items: list[Item]) -> list[Item]:
        """The items that may be worked on; the others have their failure. Waits while Postgres is away."""
        claims = {item: _claim(item.event) for item in items if item.event.generation}
        if not claims:
            return items
        known = await self._allotted(list(claims.values()))
        for item, claim in claims.items():
            if claim not in known:
                item.failure = not_allotted(item.event)
        return [item for item in items if item.failure is None]

    async def _allotted(self, claims: Sequence[Allotment]) -> set[Allotment]:
        while True:
            try:
                async with self.database.connection() as connection:
                    return await allotted(connection, self.flow, claims)
            except Exception as error:
                if fault_of(error) is None:
                    raise
                if not await self.outages.waited(error, self.flow, "decode"):
                    await asyncio.sleep(LOOK_AGAIN)


def _claim(event: Event) -> Allotment:
    return Allotment(event.source, event.id, event.generation, event.replay_id or "")
