"""Group commit: the outcomes that are finished share one transaction, at once when idle, larger under load."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Sequence

import structlog

from storage.faults import Fault, fault_of
from streams import metrics
from streams.backoff import Backoff
from streams.config import LaneLimits
from streams.context import context
from streams.custody import Custody
from streams.decisions import Next, after_save_failed, unstorable
from streams.group import GroupSaver, Saved
from streams.item import Item
from streams.outages import Outages
from streams.stages import Stages

log = structlog.get_logger(__name__)

TRIES_BEFORE_TROUBLE = 5


class Committer:
    """Takes finished items and saves them group by group; each saved group goes to `then`.

    No item leaves without having been saved: an outage is waited out, a group that cannot be stored is split until the
    bad outcome stands alone, and that one fails as an event.
    """

    def __init__(
        self,
        saver: GroupSaver,
        custody: Custody,
        outages: Outages,
        limits: LaneLimits,
        stage: Stages,
        then: Callable[[Saved], Awaitable[None]],
    ) -> None:
        self.saver, self.custody, self.outages, self.limits = saver, custody, outages, limits
        self.stage, self.then = stage, then
        self.flow = saver.spec.name
        self.backoff = Backoff(base=0.05, cap=2.0)
        self._finished: deque[tuple[Sequence[Item], int]] = deque()
        self._count = self._size = 0
        self._some, self._room = asyncio.Event(), asyncio.Event()
        self._room.set()
        self._troubles: dict[int, str] = {}

    @property
    def trouble(self) -> str | None:
        """What keeps a group from being saved, once it has been tried several times."""
        return next(iter(self._troubles.values()), None)

    def put(self, items: Sequence[Item]) -> None:
        """Takes items that are finished together: they are saved together too, where a group has room for all."""
        if not items:
            return
        self._finished.append((items, weight := _weight(items)))
        self._count += len(items)
        self._size += weight
        self._some.set()
        if not self._has_room(0, self._size):
            self._room.clear()

    async def wait_for_room(self) -> None:
        """Waits while finished items fill a group that nobody has taken yet.

        The lane's budget knows records, not what has been made of them: without this, hands would go on while Postgres
        is away.
        """
        await self._room.wait()

    async def run(self) -> None:
        """Commits groups until cancelled; two of these run side by side.

        While more is in hand than is finished, a group waits a moment for it.
        """
        while True:
            await self._some.wait()
            if self._count < self.custody.count and self._has_room(self._count, self._size):
                await asyncio.sleep(self.limits.linger)
            group = self._next_group()
            if group:
                await self.commit(group)

    async def commit(self, group: list[Item]) -> None:
        """Saves a group, whatever it takes."""
        metrics.GROUP_SIZE.labels(self.flow).observe(len(group))
        pieces, broken = deque([group]), False
        while pieces:
            halves, broke = await self._commit_or_split(pieces.popleft(), after_break=broken)
            pieces.extendleft(reversed(halves))
            broken = broken or broke

    async def _commit_or_split(self, group: list[Item], *, after_break: bool) -> tuple[list[list[Item]], bool]:
        """Saves a group and returns nothing, or returns the pieces to save instead; and whether its connection broke."""
        met, broke = Counter[Fault | None](), False
        while True:
            try:
                with self.stage("save"):
                    saved = await self.saver.save(group, after_break=after_break or broke)
            except Exception as error:  # noqa: BLE001 - the decision below says what is done about it
                broke = broke or fault_of(error) is Fault.BROKEN
                what_next = await self._decide(error, met, group)
                if what_next is Next.SPLIT:
                    metrics.GROUPS_SPLIT.labels(self.flow).inc()
                    self._troubles.pop(id(group), None)
                    half = len(group) // 2
                    return [group[:half], group[half:]], broke
                if what_next is Next.GIVE_UP:
                    self._give_up(group[0], error)
                await asyncio.sleep(self.backoff.delay(met.total()))
            else:
                self._troubles.pop(id(group), None)
                for item in group:
                    item.result = None  # it may be large, and publishing may take long
                await self.then(saved)
                return [], broke

    async def _decide(self, error: Exception, met: Counter[Fault | None], group: list[Item]) -> Next:
        fault = fault_of(error)
        met[fault] += 1
        if fault is Fault.AGAIN:
            self.stage.moved = time.monotonic()  # it is others that hold a lock: a restart would not help
        # What cannot be stored is content, and the driver quotes it.
        told = type(error).__name__ if fault in {None, Fault.BAD} else repr(error)
        log.warning("save_failed", agent=self.flow, fault=fault, size=len(group), error=told)
        if met.total() >= TRIES_BEFORE_TROUBLE:
            self._troubles[id(group)] = (
                f"saving {len(group)} outcomes failed {met.total()} times, last with {type(error).__name__}"
            )
        if await self.outages.waited(error, self.flow, "save"):
            met.clear()  # what was met while a server was away says nothing about the group
            return Next.AGAIN
        return after_save_failed(fault, met[fault], len(group))

    def _give_up(self, item: Item, error: Exception) -> None:
        """An outcome that cannot be stored fails; a failure that cannot be stored either is a dead letter alone."""
        log.error("outcome_cannot_be_stored", **context(self.flow, item), exc_info=error)
        item.failure = unstorable(item.failure, error)

    def _has_room(self, count: int, size: int) -> bool:
        """Whether a group of so many items and bytes takes one more: the one that fills it belongs to it still."""
        return count < self.limits.group_records and size < self.limits.group_bytes

    def _next_group(self) -> list[Item]:
        group: list[Item] = []
        size = 0
        while self._finished and self._has_room(len(group), size):
            items, weight = self._finished.popleft()
            if not self._has_room(len(group) + len(items) - 1, size + weight - 1):
                items, weight = self._part(items, weight, len(group), size)
            group += items
            size += weight
        self._count -= len(group)
        self._size -= size
        if self._has_room(0, self._size):
            self._room.set()
        if not self._finished:
            self._some.clear()
        return group

    def _part(self, items: Sequence[Item], weight: int, in_group: int, size: int) -> tuple[Sequence[Item], int]:
        """The first of the items, as many as a group of so many items and bytes has room for; the rest stays."""
        count = taken = 0
        while count < len(items) and self._has_room(in_group + count, size + taken):
            taken += _weight(items[count : count + 1])
            count += 1
        if count < len(items):
            self._finished.appendleft((items[count:], weight - taken))
        return items[:count], taken


def _weight(items: Sequence[Item]) -> int:
    size = sum([item.size for item in items])
    return size + sum([getattr(item.result, "nbytes", 0) for item in items if item.result is not None])
