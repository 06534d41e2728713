"""Telling an outage from a failure, and waiting for an outage to end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping

import structlog

from events.failures import Kind, MillraceError
from storage.faults import Fault, fault_of
from streams import metrics
from streams.backoff import Backoff

log = structlog.get_logger(__name__)

Probe = Callable[[], Awaitable[None]]


class Outages:
    """The probes of the servers that work depends on: each raises while its server is away.

    A look is shared by all that ask within `fresh` seconds, so that a hundred waiting tasks are one probe.
    """

    def __init__(self, probes: Mapping[str, Probe], *, timeout: float = 3.0, fresh: float = 0.5) -> None:
        self.probes, self.timeout, self.fresh = dict(probes), timeout, fresh
        self.backoff = Backoff(base=0.2, cap=5.0)
        self._look = asyncio.Lock()
        self._looked, self._seen = float("-inf"), dict[str, str]()

    async def away(self) -> dict[str, str]:
        """The servers that do not answer, each with its error; seen at most `fresh` seconds ago."""
        return await self._seen_since(time.monotonic() - self.fresh)

    async def waited(self, error: BaseException, flow: str, stage: str) -> bool:
        """Whether `error` was an outage; if so, this returns when it is over, else at once.

        An outage is an error of the connection kind, and a probe that has nothing to do with the event fails.
        """
        # What was seen before the error says nothing about it: the server may have gone away since.
        if not is_connection_error(error) or not await self._seen_since(time.monotonic()):
            return False
        metrics.OUTAGES.labels(flow, stage).inc()
        attempt = 0
        while away := await self.away():
            attempt += 1
            log.warning("outage", agent=flow, stage=stage, away=away, attempt=attempt)
            await asyncio.sleep(self.backoff.delay(attempt))
        if attempt:
            log.info("outage_over", agent=flow, stage=stage)
        return True

    async def _seen_since(self, moment: float) -> dict[str, str]:
        """What a look that began after `moment` has seen."""
        async with self._look:
            if self._looked <= moment:
                began = time.monotonic()
                errors = await asyncio.gather(*(self._error(probe) for probe in self.probes.values()))
                self._seen = {name: error for name, error in zip(self.probes, errors, strict=True) if error is not None}
                self._looked = began
            return self._seen

    async def _error(self, probe: Probe) -> str | None:
        try:
            async with asyncio.timeout(self.timeout):
                await probe()
        except Exception as error:  # noqa: BLE001 - whatever a probe raises says that its server is away
            return f"{type(error).__name__}: {error}"
        return None


def is_connection_error(error: BaseException) -> bool:
    """Whether `error` is of the kind that an outage causes."""
    if isinstance(error, MillraceError):
        return error.kind is Kind.OUTAGE
    return fault_of(error) in {Fault.BROKEN, Fault.OUTAGE}
