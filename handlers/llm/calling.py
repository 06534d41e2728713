"""One call at a time per slot, none while OpenAI is known to be away."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import structlog

from handlers.llm import metrics
from handlers.llm.breaker import Breaker
from handlers.llm.config import LlmConfig
from handlers.llm.errors import OUTAGES, CallError, NotAskedError, Trouble
from handlers.llm.model import Endpoint
from handlers.llm.request import smallest_body

if TYPE_CHECKING:
    from handlers.llm.sdk import Raw

log = structlog.get_logger(__name__)


class Caller:
    """Calls with bounded concurrency behind a breaker. Every method raises CallError."""

    def __init__(self, config: LlmConfig) -> None:
        from handlers.llm.sdk import Sdk  # noqa: PLC0415 - openai takes a second to import; only workers that ask need it

        self.config, self.breaker = config, Breaker(config.breaker_failures, config.breaker_seconds)
        self._sdk = Sdk(config)
        self._seconds = {"embeddings": config.embeddings_seconds, "responses": config.responses_seconds}
        self._slots = asyncio.Semaphore(config.concurrency)
        self._probing = asyncio.Lock()
        self._suspect: tuple[Endpoint, str] | None = None

    async def call(self, endpoint: Endpoint, body: dict[str, Any]) -> Raw:
        """The answer to one request, asked once."""
        async with self._slots:
            await self._admit()
            try:
                raw = await self._sdk.ask(endpoint, body, self._seconds[endpoint])
            except CallError as error:
                metrics.CALLS.labels(endpoint, body["model"], error.trouble).inc()
                if error.trouble in OUTAGES and error.trouble is not Trouble.CONNECTION:
                    self._suspect = self._suspect or (endpoint, body["model"])
                self._failed(error)
                raise
        metrics.SECONDS.labels(endpoint).observe(raw.seconds)
        self._succeeded(endpoint, body["model"])
        return raw

    async def probe(self) -> None:
        """Looks whether OpenAI is there; the breaker closes if so. One look at a time."""
        async with self._probing:
            try:
                await self._look()
            except CallError as error:
                self._failed(error)
                raise
            self._suspect = None
            self.breaker.succeeded()

    async def close(self) -> None:
        """Ends the connections."""
        await self._sdk.close()

    async def _admit(self) -> None:
        """Lets calls pass while the breaker is closed; one of those that come later looks whether it may be."""
        if self.breaker.error is not None and self.breaker.may_look(time.monotonic()):
            try:
                with suppress(CallError):
                    await self.probe()
            finally:
                self.breaker.looked_away()
        if (error := self.breaker.error) is not None:
            raise NotAskedError(error.trouble, f"not asked, because of what was heard a moment ago: {error.message}")

    async def _look(self) -> None:
        """Asks what failed last for as little as there is; where nothing did, for the list of models, which is free.

        Models are listed without quota, and while an endpoint has nothing but errors. What this costs is no client's.
        """
        if self._suspect is None:
            await self._sdk.look(self.config.probe_seconds)
            return
        endpoint, model = self._suspect
        body = smallest_body(endpoint, model, self.config.dimensions)
        await self._sdk.ask(endpoint, body, self.config.probe_seconds)

    def _succeeded(self, endpoint: Endpoint, model: str) -> None:
        if self._suspect == (endpoint, model):
            self._suspect = None
        self.breaker.succeeded()

    def _failed(self, error: CallError) -> None:
        if self.breaker.failed(error, time.monotonic()):
            log.warning("openai_away", error=str(error), seconds=self.config.breaker_seconds)
