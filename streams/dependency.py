"""One server that work depends on: whether it is there, asked by one probe at a time whoever wants to know."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable

import structlog

from events.failures import MillraceError
from storage.breaker import Breaker
from storage.faults import bare
from streams import metrics
from streams.backoff import Backoff
from streams.gate import Gate

log = structlog.get_logger(__name__)

Probe = Callable[[], Awaitable[None]]

# One probe may have been slow for our own reasons; an error of the work itself counts as the other.
PROBES_BEFORE_OPEN = 2
RESTS = Backoff(base=0.2, cap=5.0)


class Dependency:
    """The breaker of one server, and the probe that closes it again: it raises while its server is away.

    A probe that takes longer than `timeout` seconds has found nobody. While the breaker is open there is one probe after
    each rest of `backoff`; while it is closed, one about `every` seconds if `watch` runs. A lane that `stop`s for it stands
    still as long as the breaker is open.
    """

    def __init__(
        self,
        name: str,
        probe: Probe,
        *,
        timeout: float = 3.0,
        every: float = 10.0,
        backoff: Backoff = RESTS,
    ) -> None:
        self.name, self.probe, self.timeout, self.every, self.backoff = name, probe, timeout, every, backoff
        self.breaker = Breaker[BaseException](PROBES_BEFORE_OPEN, backoff.delay)
        self.error: BaseException | None = None
        self._gates: list[Gate] = []
        self._seen = float("-inf")
        self._look: asyncio.Task[None] | None = None
        self._probe: asyncio.Task[None] | None = None
        self._closed = asyncio.Event()
        metrics.BREAKER_OPEN.labels(name).set(0)

    def stop(self, gate: Gate) -> None:
        """Has that gate shut as long as the breaker is open."""
        self._gates.append(gate)

    def told(self) -> str | None:
        """The error of the last look, or of one that opened the breaker; None where the server is there."""
        error = self.breaker.error or self.error
        return None if error is None else f"{type(error).__name__}: {error}"

    async def found(self, since: float) -> BaseException | None:
        """The error with which a look that began after `since` met nobody; that opens the breaker.

        While it is open, what opened it: nobody looks before its time.
        """
        if self.breaker.error is None:
            error = await self._looked(since)
            if error is not None and self.breaker.error is None:
                self._note(error, at_once=True)
        elif self.breaker.may_look(time.monotonic()):
            await self._looking()
        return self.breaker.error

    async def until_closed(self) -> None:
        """Waits while the breaker is open; looks when it is time, and nobody else does."""
        while self.breaker.error is not None:
            now = time.monotonic()
            if self._is_looking() or self.breaker.may_look(now):
                await self._looking()
                continue
            self._closed.clear()
            try:
                async with asyncio.timeout(self.breaker.due - now):
                    await self._closed.wait()
            except TimeoutError:
                continue

    async def watch(self) -> None:
        """Looks again and again until cancelled, so that what is away is known before work meets it."""
        while True:
            await self._looked(time.monotonic() - (self.every / 4 if self.error is None else 0.0))
            await self.until_closed()
            pause = self.every if self.error is None else self.backoff.delay(1)
            await asyncio.sleep(pause * (0.5 + random.random() / 2))  # noqa: S311 - no secret

    async def first_look(self) -> None:
        """Waits until anybody has looked."""
        await self._looked(float("-inf"))

    def close(self) -> None:
        """Breaks off what is looking still."""
        for each in (self._look, self._probe):
            if each is not None:
                each.cancel()

    async def _looked(self, since: float) -> BaseException | None:
        while self._seen <= since:
            await self._looking()
        return self.error

    def _is_looking(self) -> bool:
        return self._look is not None and not self._look.done()

    async def _looking(self) -> None:
        """Waits for the look that is under way, or else for a new one; it goes on when nobody waits any more."""
        if self._look is None or self._look.done():
            self._look = asyncio.create_task(self._once(), name=f"look for {self.name}")
        await asyncio.wait({self._look})

    async def _once(self) -> None:
        began = time.monotonic()
        self.error = await self._asked()
        self._note(self.error)
        self._seen = began

    async def _asked(self) -> BaseException | None:
        """What one probe meets. One that does not even end when it is cancelled keeps the next one from beginning."""
        if self._probe is not None and not self._probe.done():
            await asyncio.wait({self._probe}, timeout=self.timeout)
        if self._probe is None or self._probe.done():
            self._probe = asyncio.create_task(self._ask(), name=f"probe of {self.name}")
            await asyncio.wait({self._probe}, timeout=self.timeout)
        if not self._probe.done():
            self._probe.cancel()
            self._probe.add_done_callback(_heard)
            return TimeoutError(f"no answer within {self.timeout:g} s")
        if self._probe.cancelled():
            return asyncio.CancelledError()
        error = self._probe.exception()
        return None if error is None else bare(error)

    async def _ask(self) -> None:
        await self.probe()

    def _note(self, error: BaseException | None, *, at_once: bool = False) -> None:
        now = time.monotonic()
        if error is None:
            since = self.breaker.since
            if self.breaker.succeeded() and since is not None:
                self._goes_on(now - since)
        elif self.breaker.failed(error, now, at_once=at_once) or self.breaker.error is not None:
            self._waits(error)

    def _waits(self, error: BaseException) -> None:
        for gate in self._gates:
            gate.shut(self.name, f"waiting: {self.name}: {_for_anybody(error)}")
        metrics.BREAKER_OPEN.labels(self.name).set(1)
        log.warning("outage", dependency=self.name, error=self.told(), attempt=self.breaker.in_a_row)

    def _goes_on(self, seconds: float) -> None:
        for gate in self._gates:
            gate.open(self.name)
        metrics.BREAKER_OPEN.labels(self.name).set(0)
        self._closed.set()
        log.info("outage_over", dependency=self.name, seconds=round(seconds, 1))


def _for_anybody(error: BaseException) -> str:
    """What may be told to whoever asks: of an error that is not ours the type alone, because the rest may say where it is."""
    return str(error) if isinstance(error, MillraceError) else type(error).__name__


def _heard(probe: asyncio.Task[None]) -> None:
    """Nobody waits for it any more."""
    if not probe.cancelled():
        probe.exception()
