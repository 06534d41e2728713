"""Whether a lane with work moves, and whether its consumer is one still: decided by pure functions of what was seen.

A restart mends what only this worker has: a hand that never ends, a consumer that has left its group. It mends no outage
and no stop, so those are no reason.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from streams.attempts import Step
from streams.item import Item


@dataclass(frozen=True, slots=True)
class ProgressPolicy:
    """Bounds in seconds.

    `stall`: how long nothing of a lane with work may move, and how far beyond its time-out an attempt may be. `out`: how
    long a consumer may have ended; and, beyond the time that a rebalance may take, be in no group.
    """

    stall: float = 120.0
    out: float = 60.0


@dataclass(frozen=True, slots=True)
class Attempt:
    """One call of a handler that is under way: when it began, and the seconds that it may take."""

    began: float
    timeout: float


@dataclass(frozen=True, slots=True)
class Pace:
    """What a lane has, and how it moves; times are one clock's seconds.

    `excused` is when it last had a reason to stand still: no work, a shut gate, an outage.
    """

    held: int
    moved: float
    excused: float
    attempts: Collection[Attempt] = ()


def stalled(now: float, pace: Pace, policy: ProgressPolicy) -> str | None:
    """Why a lane counts as standing still; None while it moves, works within its time-outs, or has nothing to do.

    An attempt beyond its time-out is a stall even while others move: its hand is lost, and so is its partition's offset.
    """
    for attempt in pace.attempts:
        over = now - max(attempt.began + attempt.timeout, pace.excused)
        if over > policy.stall:
            seconds = now - attempt.began
            return f"a handler has not ended after {seconds:.0f} s; its time-out is {attempt.timeout:g} s"
    still = now - max(pace.moved, pace.excused)
    if not pace.held or pace.attempts or still <= policy.stall:
        return None
    return f"nothing of {pace.held} records in hand has moved for {still:.0f} s"


class Membership(Enum):
    """How a consumer stands to its group. In one that is `OUTSIDE` nothing arrives, and nobody says so."""

    INSIDE = "inside"
    OUTSIDE = "outside its group"
    ENDED = "ended"


def lost(now: float, membership: Membership, since: float, rebalance: float, policy: ProgressPolicy) -> str | None:
    """Why a consumer counts as lost, which is `membership` since that time; a rebalance may take `rebalance` seconds."""
    bounds = {Membership.ENDED: policy.out, Membership.OUTSIDE: policy.out + rebalance}
    if membership not in bounds or now - since <= bounds[membership]:
        return None
    return f"its consumer has been {membership.value} for {now - since:.0f} s"


class Attempts:
    """The calls of a lane's handler that are under way, until they really end; `ended` is when the last one did."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock, self.ended = clock, clock()
        self._under_way: dict[object, Attempt] = {}

    @property
    def under_way(self) -> Collection[Attempt]:
        return list(self._under_way.values())

    def timed(self, step: Step, timeout: float) -> Step:
        """The same step, seen while it runs."""

        async def seen(items: Sequence[Item]) -> Sequence[Any]:
            mark = object()
            self._under_way[mark] = Attempt(self.clock(), timeout)
            try:
                return await step(items)
            finally:
                del self._under_way[mark]
                self.ended = self.clock()

        return seen
