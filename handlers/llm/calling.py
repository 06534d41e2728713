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
from handlers.llm.errors import CallError, NotAskedError, Trouble
from handlers.llm.model import Endpoint
from handlers.llm.request import embeddings_body

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
        self._without_quota = False

    async def call(self, endpoint: Endpoint, body: dict[str, Any]) -> Raw:
        """The answer to one request, asked once."""
        async with self._slots:
            await self._admit()
            try:
                raw = await self._sdk.ask(endpoint, body, self._seconds[endpoint])
            except CallError as error:
                metrics.CALLS.labels(endpoint, body["model"], error.trouble).inc()
                self._failed(error)
                raise
        metrics.SECONDS.labels(endpoint).observe(raw.seconds)
        self._without_quota = False
        self.breaker.succeeded()
        return raw

    async def probe(self) -> None:
        """Looks whether OpenAI is there; the breaker closes if so. One look at a time."""
        async with self._probing:
            try:
                await self._look()
            except CallError as error:
                self._failed(error)
                raise
            self._without_quota = False
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
        if self._without_quota:
            # Models are listed without quota, too. This costs one token, a fiftieth of a millionth of a dollar, of no client's.
            body = embeddings_body(self.config.probe_model, ["a"], self.config.dimensions)
            await self._sdk.ask("embeddings", body, self.config.probe_seconds)
        else:
            await self._sdk.look(self.config.probe_seconds)

    def _failed(self, error: CallError) -> None:
        self._without_quota = self._without_quota or error.trouble is Trouble.QUOTA
        if self.breaker.failed(error, time.monotonic()):
            log.warning("openai_away", error=str(error), seconds=self.config.breaker_seconds)
