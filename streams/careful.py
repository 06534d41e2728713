"""Careful mode: records one at a time, alone in the process, so that a death is certainly the doing of the one in hand."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Protocol

import structlog

from streams import metrics
from streams.context import context
from streams.item import Item
from streams.lane import Lane
from streams.room import Room
from streams.suspicion import Ending, ending, failed, rejected

log = structlog.get_logger(__name__)

# How long one lane may keep the process to itself; then the others have as long. How long it waits for that, twice as long each
# time in vain: what is in hand may take long, or wait for a server.
STRETCH = 5.0
LONGEST = 300.0
LOOK_AGAIN = 1.0


class Suspect(Protocol):
    """A record that may be what kills.

    So many `deaths` have happened with it alone in hand; at the last of them it was `decoded`, or not yet.
    """

    deaths: int
    decoded: bool

    async def take(self) -> Item | None:
        """Writes down that the record is in hand, and waits for that; None when it is no longer this worker's."""
        ...

    async def survived(self) -> None:
        """Writes down that its decoding has not killed."""
        ...

    async def put_down(self) -> None:
        """Writes down that it is not in hand any more: it has its outcome."""
        ...

    async def put_back(self) -> bool:
        """The same of one that could not be begun; whether to try it again in a moment."""
        ...


class Careful:
    """Takes the suspects of one lane through its steps, each alone."""

    def __init__(self, lane: Lane, room: Room) -> None:
        self.lane, self.room = lane, room
        room.watch(lane.custody)
        self._suspects: deque[Suspect] = deque()
        self._some = asyncio.Event()

    def put(self, suspects: Sequence[Suspect]) -> None:
        self._suspects.extend(suspects)
        self._tell()

    async def run(self) -> None:
        """Works until cancelled; the process is its own for at most half of the time."""
        clock, patience = asyncio.get_running_loop().time, STRETCH
        while True:
            await self._some.wait()
            await self.lane.gate.wait_until_open()
            began = clock()
            async with self.room.alone(patience) as is_alone:
                until = clock() + STRETCH
                while is_alone and self._suspects and self.lane.gate.is_open and clock() < until:
                    await self._alone(self._suspects.popleft())
                    self._tell()
            patience = STRETCH if is_alone else min(2 * patience, LONGEST)
            if self.room.waiting or not is_alone:
                await asyncio.sleep(clock() - began)

    async def _alone(self, suspect: Suspect) -> None:
        item = await suspect.take()
        if item is None:
            return
        if await self._through(item, suspect):
            await self.room.quiet()
            await suspect.put_down()
        elif await suspect.put_back():
            asyncio.get_running_loop().call_later(LOOK_AGAIN, self.put, [suspect])

    async def _through(self, item: Item, suspect: Suspect) -> bool:
        """Takes a record through the steps of the lane; whether it was begun, or needed not to be."""
        what = ending(suspect.deaths, decoded=suspect.decoded)
        if what is not Ending.WORK:
            metrics.KILLERS.labels(self.lane.spec.name).inc()
            log.error("record_kills_workers", **context(self.lane.spec.name, item), deaths=suspect.deaths)
        if what is Ending.REJECT:
            item.failure = rejected(suspect.deaths)
            self.lane.save_unworked([item])
            return True
        events = await self.lane.decode([item])
        if not events:
            return True
        if what is Ending.FAIL:
            item.failure = failed(suspect.deaths)
            self.lane.save_unworked(events)
            return True
        if suspect.deaths:
            await suspect.survived()
        return await self._worked(item)

    async def _worked(self, item: Item) -> bool:
        if not item.owns_key and item.uuid in self.lane.twins:
            return False  # its twin stands in a queue, and has to be finished in its turn
        fresh = await self.lane.dedupe([item])
        return not fresh or await self._carried(item)

    async def _carried(self, item: Item) -> bool:
        """Claim, load and work; given up once the lane's gate is shut: what waits for a server must not have the process."""
        carrying = asyncio.create_task(self.lane.carry([item], _ignore))
        shut = asyncio.create_task(self.lane.gate.wait_until_shut())
        try:
            ended, _ = await asyncio.wait({carrying, shut}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in (carrying, shut):
                each.cancel()
            await asyncio.gather(carrying, shut, return_exceptions=True)
        if carrying in ended or not carrying.cancelled():
            return carrying.result()  # raises what the handler let through: that ends the worker, and counts as a death
        self.lane.custody.release([item])
        self.lane.leasing.release([item])
        item.result = None
        return False

    def _tell(self) -> None:
        metrics.CAREFUL_RECORDS.labels(self.lane.spec.name).set(len(self._suspects))
        if self._suspects:
            self._some.set()
            self.room.wanted.add(self.lane.spec.name)
        else:
            self._some.clear()
            self.room.wanted.discard(self.lane.spec.name)


def _ignore(_items: Sequence[Item]) -> None:
    """An item whose lease another holds is tried again as a suspect, not in the queue."""
