"""Feeding due retries back into their lane."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID

import structlog

from storage import retries
from storage.database import Database
from storage.faults import fault_of
from storage.headers import unpack_headers
from storage.retries import DueRow
from streams.item import Item
from streams.lane import Lane

log = structlog.get_logger(__name__)

ROWS_AT_ONCE = 100
# Rows of other workers, and of dead ones, are found at the latest after this many seconds.
POLL = 5.0
SHORTEST = 0.05
# A dead worker's leases end after this many seconds; a living one renews them.
TERM = 60.0


class RetryFeeder:
    """Leases due events of one flow and puts them into its lane as records without an offset.

    Leases are renewed while this worker lives, so a row that is leased twice belonged to one that died or stood still.
    """

    def __init__(self, lane: Lane, database: Database, owner: UUID) -> None:
        self.lane, self.database, self.owner = lane, database, owner
        self.flow = lane.spec.name
        self.term = timedelta(seconds=TERM)

    async def run(self) -> None:
        """Feeds until cancelled; wakes when the next row is due or this lane has kept one."""
        while True:
            self.lane.kept_retries.clear()
            await self.lane.budget.wait_until_half_empty()
            try:
                pause = await self._feed() if self.lane.gate.is_open and self.lane.halted is None else POLL
            except Exception as error:
                if fault_of(error) is None:
                    raise
                log.warning("retries_wait", agent=self.flow, error=repr(error))
                pause = POLL
            try:
                async with asyncio.timeout(pause):
                    await self.lane.kept_retries.wait()
            except TimeoutError:
                continue

    async def renew(self) -> None:
        """Keeps the leases of what this worker has in hand, until cancelled."""
        while True:
            await asyncio.sleep(TERM / 3)
            if self.lane.budget.held_records == 0:
                continue
            try:
                async with self.database.connection() as connection:
                    await retries.renew(connection, self.flow, self.owner, self.term)
            except Exception as error:
                if fault_of(error) is None:
                    raise
                log.warning("retries_wait", agent=self.flow, error=repr(error))

    async def release(self) -> None:
        """Gives back what was leased and not begun, so that other workers need not wait for the lease to end.

        What was begun and not finished may be what hangs or kills: that attempt counts.
        """
        async with self.database.connection() as connection:
            await retries.release(connection, self.flow, self.owner, self.lane.custody.retried())

    async def _feed(self) -> float:
        """Feeds what is due; returns the seconds until it is worth looking again."""
        async with self.database.connection() as connection:
            due = await retries.lease(connection, self.flow, self.owner, self.term, ROWS_AT_ONCE)
            wait = await retries.next_due(connection, self.flow)
        items = [_item(row) for row in due]
        self.lane.hold(items)
        self.lane.feed(items)
        return POLL if wait is None else min(POLL, max(SHORTEST, wait))


def _item(row: DueRow) -> Item:
    headers = unpack_headers(row.headers)
    lease = row.event_key, row.payload_sha256
    return Item(row.topic, row.partition, row.offset, row.key, row.value, headers, None, row.attempts, lease, row.waited)
