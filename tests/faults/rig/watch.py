"""Looking on while it runs: no committed offset may pass a record whose outcome is not durable."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from uuid import UUID

import asyncpg
from aiokafka.errors import KafkaError

from tests.faults.rig.finding import Finding
from tests.faults.rig.manifest import CONSUMED, Manifest, Place, Record
from tests.faults.rig.sight import Sight
from tests.faults.rig.tail import Tail

LOOK_SECONDS = 30.0  # a busy machine takes its time, and a server that stands still is to be asked anew
AWAY = (KafkaError, OSError, TimeoutError, EOFError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)


def is_durable(
    record: Record, places: Iterable[Place], keys: AbstractSet[tuple[UUID, bytes] | None], dead: AbstractSet[Place]
) -> bool:
    """Whether a record has its dead letter at one of `places`, or its event, with this payload, an outcome or a retry."""
    return record.durable_as in keys or any(place in dead for place in places)


def letter_places(record: Record, place: Place, sent_to: Sequence[Place]) -> Sequence[Place]:
    """Where a letter may speak for the record at `place`: of one that waits in `retries` a single one is left."""
    return [place] if record.kept_as is None else sent_to


class Watch:
    """Compares, every second or so, what is committed with what is durable."""

    def __init__(self, sight: Sight, tail: Tail, manifest: Manifest, interval: float = 1.0) -> None:
        self.sight, self.tail, self.manifest, self.interval = sight, tail, manifest, interval
        self.findings: list[Finding] = []
        self.looks = 0
        self.longest_standstill = 0.0
        self.lag = 0
        self.finished, self._moved_at = 0, time.monotonic()
        self._unproved: defaultdict[tuple[str, int], set[int]] = self.tail.unread

    async def run(self) -> None:
        """Looks until cancelled; a server that is away is asked again."""
        while True:
            with suppress(*AWAY):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self.look()
            self._measure()
            await asyncio.sleep(self.interval)

    async def look(self) -> int:
        """Looks once; returns the lag."""
        # First what is committed, then what is stored: the other way round would accuse the innocent.
        committed = await self.sight.committed()
        ends = await self.tail.ends()
        self.lag = sum(end - max(0, committed.get(each, 0)) for each, end in ends.items() if each.topic in CONSUMED)
        finished = sum(offset for each, offset in committed.items() if each.topic in CONSUMED)
        if finished != self.finished or self.lag == 0:
            self._measure()
            self.finished, self._moved_at = finished, time.monotonic()
        passed = [
            (topic, partition, offset)
            for (topic, partition), offsets in self._unproved.items()
            for offset in offsets
            if offset < next((end for each, end in committed.items() if each == (topic, partition)), 0)
        ]
        if passed:
            await self._prove(passed)
        self.looks += 1
        return self.lag

    async def _prove(self, passed: list[Place]) -> None:
        slices = {place: self.tail.durable_as[place] for place in passed if place in self.tail.durable_as}
        records = {place: self.manifest.records[self.tail.serials[place]] for place in passed if place not in slices}
        letters = {place: letter_places(record, place, self.tail.places[record.serial]) for place, record in records.items()}
        asked = [record.durable_as[0] for record in records.values() if record.durable_as] + [key for key, _ in slices.values()]
        keys, dead = await self.sight.durable(asked, [*slices, *(place for places in letters.values() for place in places)])
        for place, record in records.items():
            self._proved(place, (record.serial,), is_durable=is_durable(record, letters[place], keys, dead))
        for place, durable_as in slices.items():
            self._proved(place, (), is_durable=durable_as in keys or place in dead)

    def _proved(self, place: Place, serials: tuple[int, ...], *, is_durable: bool) -> None:
        self._unproved[place[0], place[1]].discard(place[2])
        if not is_durable:
            told = f"the offset committed for {place[0]}[{place[1]}] passes {place[2]}, whose outcome is nowhere in Postgres"
            self.findings.append(Finding("offset ahead of what is durable", told, serials))

    async def progress(self, patience: float) -> bool:
        """Waits until offsets have moved from where they are now, or nothing is left; False when that takes too long."""
        before, until = self.finished, time.monotonic() + patience
        while self.finished == before and self.lag and time.monotonic() < until:  # noqa: ASYNC110 - Kafka tells nobody
            await asyncio.sleep(0.1)
        return time.monotonic() < until

    def _measure(self) -> None:
        self.longest_standstill = max(self.longest_standstill, time.monotonic() - self._moved_at)
