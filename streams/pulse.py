"""Feeling every second whether each lane moves: what `/health` answers from."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from streams.dependencies import Dependencies
from streams.membership import membership
from streams.progress import Membership, Pace, ProgressPolicy, lost, stalled
from streams.subscribers import Intake

log = structlog.get_logger(__name__)

INTERVAL = 1.0


@dataclass(slots=True)
class Track:
    """What was seen of one lane: when it last had a reason to stand still, and since when its consumer is what it is.

    `kept_out` is when one record was last alone in the process, or was to be: then the other lanes wait for it.
    """

    excused: float
    since: float
    kept_out: float = float("-inf")
    membership: Membership = Membership.INSIDE


class Pulse:
    """The lanes that stand still, or whose consumer is lost, each with why.

    Servers are asked only where a lane stands still: while one of its own is away, that is the reason, and the bounds begin
    anew when it is back.
    """

    def __init__(
        self,
        intakes: Sequence[Intake],
        dependencies: Dependencies,
        policy: ProgressPolicy,
        *,
        rebalance: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.intakes, self.dependencies, self.policy = intakes, dependencies, policy
        self.rebalance, self.clock = rebalance, clock
        self.reasons: dict[str, str] = {}
        self._tracks = {intake.lane.spec.name: Track(clock(), clock()) for intake in intakes}
        self._closed = asyncio.Event()

    async def run(self) -> None:
        """Looks every second, until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(INTERVAL)

    async def look(self) -> None:
        """Looks once."""
        if self._closed.is_set():
            return
        found = {intake.lane.spec.name: why for intake in self.intakes if (why := self._why(intake)) is not None}
        for flow in list(found):
            if await self.dependencies.hinder(flow):
                track = self._tracks[flow]
                track.excused = track.since = self.clock()
                del found[flow]
        if self._closed.is_set():
            return
        for flow in found.keys() - self.reasons.keys():
            log.error("lane_stalled", agent=flow, reason=found[flow])
        self.reasons = found

    def close(self) -> None:
        """The worker stops: what stands still from now on is meant to."""
        self._closed.set()
        self.reasons = {}

    def _why(self, intake: Intake) -> str | None:
        now, lane, track = self.clock(), intake.lane, self._tracks[intake.lane.spec.name]
        now_is = membership(intake.subscriber)
        if now_is is not track.membership:
            track.membership, track.since = now_is, now
        if not lane.gate.is_open or lane.halted is not None:
            track.excused = track.since = now
        if not lane.room.is_open or lane.spec.name in lane.room.wanted:
            track.kept_out = now  # and no excuse: a handler that never ends is one here too
        attempts = lane.attempts.under_way
        if not lane.budget.held_records and not attempts:
            track.excused = now
        moved = max(lane.stage.moved, lane.attempts.ended, track.kept_out)
        pace = Pace(lane.budget.held_records, moved, track.excused, attempts)
        gone = lost(now, now_is, track.since, self.rebalance, self.policy)
        return gone or stalled(now, pace, self.policy)
