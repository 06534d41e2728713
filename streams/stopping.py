"""Stopping a lane for all workers, and letting it go on: what the table `lanes` says is carried out here."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import structlog

from storage import lanes
from storage.database import Database
from storage.faults import fault_of
from storage.lanes import LaneState, Stop
from streams import metrics
from streams.failure_limit import WHO
from streams.subscribers import Intake

log = structlog.get_logger(__name__)

INTERVAL = 1.0


class Stops:
    """Writes down which lanes this worker stops, reads which lanes are stopped, and shuts and opens their gates.

    One query a second for all lanes of the worker. A lane that has stopped because Kafka deleted unread records is one of
    them.
    """

    def __init__(self, database: Database, intakes: Sequence[Intake], owner: UUID, *, interval: float = INTERVAL) -> None:
        self.database, self.intakes, self.interval = database, intakes, interval
        self.worker = f"{socket.gethostname()}/{os.getpid()}/{owner.hex[:8]}"
        self._announced: dict[str, datetime | None] = {}

    async def begin(self) -> None:
        """Has what is stopped stand still before anything is taken; waits while Postgres is away."""
        while not await self._looked():  # noqa: ASYNC110 - Postgres tells nobody when it is back
            await asyncio.sleep(self.interval)

    async def run(self) -> None:
        """Looks every second, until cancelled."""
        while True:
            await self._looked()
            await asyncio.sleep(self.interval)

    async def look(self) -> None:
        """Writes and reads once."""
        wanted = [stop for intake in self.intakes if (stop := self._wanted(intake)) is not None]
        async with self.database.connection() as connection:
            for stop in wanted:
                await lanes.stop(connection, stop)
            found = await lanes.states(connection)
        for intake in self.intakes:
            flow = intake.lane.spec.name
            await self._carry_out(intake, found.get(flow, LaneState(flow)))

    async def _looked(self) -> bool:
        try:
            await self.look()
        except Exception as error:
            if fault_of(error) is None:
                raise
            log.warning("lanes_wait", error=repr(error))
            return False
        return True

    async def _carry_out(self, intake: Intake, state: LaneState) -> None:
        lane = intake.lane
        if state.is_stopped:
            lane.gate.shut(WHO, f"stopped: {state.reason}")
            lane.failures.epoch = state.epoch
            self._announce(state)
        elif state.epoch != lane.failures.epoch:
            await self._go_on(intake, state)
        metrics.LANE_STOPPED.labels(state.flow).set(WHO in lane.gate.reasons)

    async def _go_on(self, intake: Intake, state: LaneState) -> None:
        """The lane was resumed. A loss of records that nobody was told of stops it again, at the next look."""
        lane, told = intake.lane, state.reason
        if lane.halted is None or (lane.halted == told and await intake.pass_over()):
            if WHO in lane.gate.reasons:
                log.info("lane_resumed", agent=state.flow, by=state.resumed_by)
            lane.gate.open(WHO)
        elif lane.halted == told:
            return  # Kafka did not answer; at the next look again
        lane.failures.begin(state.epoch)

    def _wanted(self, intake: Intake) -> Stop | None:
        lane = intake.lane
        flow, epoch, reached = lane.spec.name, lane.failures.epoch, lane.failures.reached
        if lane.halted is not None:
            return Stop(flow, epoch, "retention", lane.halted, None, None, (), self.worker)
        return None if reached is None else Stop(flow, epoch, "failures", *reached, self.worker)

    def _announce(self, state: LaneState) -> None:
        """One alert over all workers: by the one whose name stands in the row, once a stop."""
        if state.stopped_by != self.worker or self._announced.get(state.flow) == state.stopped_at:
            return
        self._announced[state.flow] = state.stopped_at
        log.error(
            "lane_stopped",
            agent=state.flow,
            cause=state.cause,
            reason=state.reason,
            failed=state.failed,
            finished=state.finished,
            codes=list(state.codes),
            then=f"it waits for: millrace lane resume {state.flow}",
        )
