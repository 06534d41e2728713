"""Waiting for a server that is away, for so long and no longer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeVar

import structlog

from events.failures import Outage
from events.text import printable
from ops.replay.failures import GaveUp, Stopped
from storage.faults import Fault, fault_of
from streams.backoff import Backoff

log = structlog.get_logger(__name__)

T = TypeVar("T")


@dataclass(slots=True)
class Patience:
    """Has a step done in spite of outages that are over within `seconds`; `stop` ends the waiting, `remark` is told of it."""

    seconds: float
    stop: asyncio.Event
    remark: Callable[[str], None]
    backoff: Backoff = field(default_factory=lambda: Backoff(base=0.2, cap=5.0))

    async def until_done(self, step: Callable[[], Awaitable[T]]) -> T:
        """What the step answers, repeated while a server is away. Raises GaveUp, Stopped, and what is no outage."""
        clock, attempt, began = asyncio.get_running_loop().time, 0, 0.0
        while True:
            try:
                answer = await step()
            except Exception as error:
                away = away_of(error)
                if away is None:
                    raise
                began = began or clock()
                attempt += 1
                await self._wait(away, attempt, clock() - began)
            else:
                if attempt:
                    self.remark("it answers again")
                return answer

    async def _wait(self, away: GaveUp, attempt: int, waited: float) -> None:
        if waited >= self.seconds:
            raise away from None
        if attempt == 1:
            log.warning("replay_waits", server=away.server, reason=away.message)
            self.remark(f"{away}; waiting for it, at most {self.seconds:g} s")
        if await stopped_within(self.stop, min(self.backoff.delay(attempt), self.seconds - waited)):
            raise Stopped("told to stop") from None


def away_of(error: BaseException) -> GaveUp | None:
    """The server that an error means to be away; None if it means something else."""
    if isinstance(error, Outage):
        return GaveUp("Kafka", error.message)
    if fault_of(error) not in {None, Fault.BAD}:
        return GaveUp("PostgreSQL", printable(str(error).partition("\n")[0] or type(error).__name__))
    return None


async def stopped_within(stop: asyncio.Event, seconds: float) -> bool:
    """Whether `stop` is set by then; waits no longer than that."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()
    return stop.is_set()
