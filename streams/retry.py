"""Feeding due retries back into their lane."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar
from uuid import UUID
from weakref import WeakSet

import structlog

from storage import retries
from storage.database import Connection, Database
from storage.faults import fault_of
from storage.headers import unpack_headers
from storage.retries import DueRow
from streams.careful import LOOK_AGAIN, Careful
from streams.item import Item
from streams.lane import Lane

log = structlog.get_logger(__name__)

T = TypeVar("T")

ROWS_AT_ONCE = 100
# Rows of other workers, and of dead ones, are found at the latest after this many seconds.
POLL = 5.0
SHORTEST = 0.05
# A dead worker's leases end after this many seconds; a living one renews them.
TERM = 60.0


class RetryFeeder:
    """Leases due events of one flow and puts them into its lane as records without an offset.

    Leases are renewed while this worker lives, so one that has run out belonged to a worker that died or stood still. It may
    have died of that event, which therefore goes through the lane alone; its neighbours in the lease lose nothing by it.
    """

    def __init__(self, lane: Lane, careful: Careful, database: Database, owner: UUID) -> None:
        self.lane, self.careful, self.database, self.owner = lane, careful, database, owner
        self.flow = lane.spec.name
        self.term = timedelta(seconds=TERM)
        # A lease whose answer was lost is ours in the table alone: nobody works on it, so it has to run out.
        self.leased = WeakSet[Item]()

    async def run(self) -> None:
        """Feeds until cancelled; wakes when the next row is due or this lane has kept one."""
        while True:
            self.lane.kept_retries.clear()
            await self.lane.gate.wait_until_open()
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
        failed = False
        while True:
            await asyncio.sleep(POLL if failed else TERM / 3)
            failed = False
            keys = [item.lease[0] for item in self.leased if item.lease is not None]
            if not keys:
                continue
            try:
                async with self.database.connection() as connection:
                    await retries.renew(connection, self.flow, self.owner, keys, self.term)
            except Exception as error:
                if fault_of(error) is None:
                    raise
                failed = True
                log.warning("retries_wait", agent=self.flow, error=repr(error))

    async def suspect(self) -> None:
        """Feeds events whose lease has run out, one at a time, until cancelled."""
        while True:
            try:
                async with self.database.connection() as connection:
                    found = self.lane.halted is None and await retries.has_run_out(connection, self.flow)
            except Exception as error:
                if fault_of(error) is None:
                    raise
                log.warning("retries_wait", agent=self.flow, error=repr(error))
                # While Postgres is away living workers cannot renew: they come first when it is back.
                await asyncio.sleep(TERM / 3 + POLL)
                continue
            if found:
                suspect = Overdue(self)
                self.careful.put([suspect])
                await suspect.ended.wait()
            if not found or not suspect.was_begun:
                await asyncio.sleep(POLL)

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
            items = [_item(row) for row in due]
            self.leased.update(items)
            self.lane.hold(items)
            self.lane.feed(items)
            wait = await retries.next_due(connection, self.flow)
        return POLL if wait is None else min(POLL, max(SHORTEST, wait))


def _item(row: DueRow) -> Item:
    headers = unpack_headers(row.headers)
    lease = row.event_key, row.payload_sha256
    return Item(row.topic, row.partition, row.offset, row.key, row.value, headers, None, row.attempts, lease, row.waited)


class Overdue:
    """The event of one lease that has run out, whichever that is when it can be alone."""

    def __init__(self, feeder: RetryFeeder) -> None:
        self.feeder, self.ended, self.was_begun = feeder, asyncio.Event(), False
        self.deaths, self.decoded = 0, True
        self._item: Item

    async def take(self) -> Item | None:
        feeder = self.feeder
        row = await self._asked(lambda connection: retries.lease_alone(connection, feeder.flow, feeder.owner, feeder.term))
        if row is None:
            self.ended.set()
            return None
        self._item, self.deaths = _item(row), row.deaths - 1
        feeder.leased.add(self._item)
        feeder.lane.hold([self._item])
        if not feeder.lane.present([self._item]):
            self.ended.set()
            return None
        return self._item

    async def survived(self) -> None:
        """Its decoding has killed nobody before: it has been an event already."""

    async def put_down(self) -> None:
        self.was_begun = True
        self.ended.set()

    async def put_back(self) -> bool:
        """Gives the row back, however long Postgres is away: a lease that ran out meanwhile would count as a death.

        Whether the row is still there by then is another look's business.
        """
        while not await self._asked(self._given_back):  # noqa: ASYNC110 - Postgres tells nobody that it is back
            await asyncio.sleep(LOOK_AGAIN)
        self.feeder.leased.discard(self._item)
        self.feeder.lane.release([self._item])
        self.ended.set()
        return False

    async def _given_back(self, connection: Connection) -> bool:
        if self._item.lease is not None:
            await retries.put_back(connection, self._item.lease[0], self.feeder.owner)
        return True

    async def _asked(self, ask: Callable[[Connection], Awaitable[T]]) -> T | None:
        """The answer, or None while Postgres is away."""
        try:
            async with self.feeder.database.connection() as connection:
                return await ask(connection)
        except Exception as error:
            if fault_of(error) is None:
                raise
            log.warning("retries_wait", agent=self.feeder.flow, error=repr(error))
            return None
