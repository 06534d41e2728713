"""What a worker says of the servers that it needs, to whoever asks again and again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping

from streams.outages import Outages, Probe

OPENAI = "openai"


class Steady:
    """A probe for those who poll one that takes long and may be paid for: one look in `fresh` seconds, whoever asks.

    A look goes on when nobody waits for it any more; whoever does not want to wait longer than `patience` seconds for it
    hears what the one before has seen.
    """

    def __init__(self, probe: Probe, *, fresh: float = 10.0, patience: float = 2.0) -> None:
        self.probe, self.fresh, self.patience = probe, fresh, patience
        self._began = float("-inf")
        self._look: asyncio.Future[None] | None = None
        self._seen: asyncio.Future[None] | None = None

    async def __call__(self) -> None:
        """Raises what the probe has raised; TimeoutError as long as no look has ended."""
        if (self._look is None or self._look.done()) and time.monotonic() - self._began >= self.fresh:
            self._began, self._seen = time.monotonic(), self._look
            self._look = asyncio.ensure_future(self.probe())
            self._look.add_done_callback(_heard)
        if self._look is not None:
            await asyncio.wait([self._look], timeout=self.patience)
            ended = self._look if self._look.done() else self._seen
            if ended is None:
                raise TimeoutError(f"no answer within {self.patience:g} s")
            ended.result()

    def close(self) -> None:
        """Breaks a look off."""
        if self._look is not None:
            self._look.cancel()


class Health:
    """The servers of a worker; of OpenAI, as each lane that asks it finds it, because one model may be away alone.

    `asked` are the probes of OpenAI by flow.
    """

    def __init__(self, probes: Mapping[str, Probe], asked: Mapping[str, Probe]) -> None:
        self.servers, self.asked = list(probes), {flow: Steady(probe) for flow, probe in asked.items()}
        named = {_name(flow): probe for flow, probe in self.asked.items()}
        self._outages = Outages({**probes, **named}, fresh=1.0)

    async def told(self) -> dict[str, str]:
        """Each server and "ok" or the error with which it does not answer; each lane that waits for OpenAI, and why."""
        away = await self._outages.away()
        told = {name: away.get(name, "ok") for name in self.servers}
        waiting = {flow: error for flow in self.asked if (error := away.get(_name(flow))) is not None}
        if self.asked:
            told[OPENAI] = next(iter(waiting.values()), "ok")
        return told | {flow: f"waiting: {error}" for flow, error in waiting.items()}

    def close(self) -> None:
        """Ends what is looking still."""
        for probe in self.asked.values():
            probe.close()


def _name(flow: str) -> str:
    return f"{OPENAI} for {flow}"


def _heard(look: asyncio.Future[None]) -> None:
    """Perhaps nobody asks what it has seen."""
    if not look.cancelled():
        look.exception()
