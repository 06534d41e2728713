"""One call at a time per slot, none to what is known to be away."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import structlog

from handlers.llm import metrics
from handlers.llm.config import LlmConfig
from handlers.llm.errors import CallError, NotAskedError
from handlers.llm.model import Endpoint, Target
from handlers.llm.request import smallest_body
from handlers.llm.routes import Routes

if TYPE_CHECKING:
    from handlers.llm.sdk import Raw

log = structlog.get_logger(__name__)


class Caller:
    """Calls with bounded concurrency behind breakers. Every method raises CallError."""

    def __init__(self, config: LlmConfig) -> None:
        from handlers.llm.sdk import Sdk  # noqa: PLC0415 - openai takes a second to import; only workers that ask need it

        self.config, self.routes = config, Routes(config.breaker_failures, config.breaker_seconds)
        self._sdk = Sdk(config)
        self._seconds = {"embeddings": config.embeddings_seconds, "responses": config.responses_seconds}
        self._slots = asyncio.Semaphore(config.concurrency)
        self._looking: defaultdict[Target | None, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def call(self, endpoint: Endpoint, body: dict[str, Any]) -> Raw:
        """The answer to one request, asked once."""
        target: Target = endpoint, body["model"]
        async with self._slots:
            await self._admit(target)
            try:
                raw = await self._sdk.ask(endpoint, body, self._seconds[endpoint])
            except CallError as error:
                metrics.CALLS.labels(*target, error.trouble).inc()
                if self.routes.failed(target, error, time.monotonic()):
                    self._warn(target, error)
                raise
        metrics.SECONDS.labels(endpoint).observe(raw.seconds)
        self.routes.succeeded(target)
        return raw

    async def probe(self, targets: Sequence[Target] = ()) -> None:
        """Looks whether these are there, or all that were ever asked; the way to those that are is open again.

        What failed last is asked for as little as there is; where nothing did, the list of models, which is free: models
        are listed without quota, and while an endpoint has nothing but errors. What this costs is no client's. One look at
        a time.
        """
        doubtful = self.routes.doubtful(targets)
        looks = [self._ask(target) for target in doubtful] or [self._list(targets)]
        for error in await asyncio.gather(*looks):
            if error is not None:
                raise error

    async def close(self) -> None:
        """Ends the connections."""
        await self._sdk.close()

    async def _admit(self, target: Target) -> None:
        """Lets calls pass while the breakers are closed; one of those that come later looks whether they may be."""
        for breaker in self.routes.breakers(target):
            if breaker.error is not None and breaker.may_look(time.monotonic()):
                try:
                    with suppress(CallError):
                        await self.probe([target])
                finally:
                    breaker.looked_away()
            if (error := breaker.error) is not None:
                raise NotAskedError(error.trouble, f"not asked, because of what was heard a moment ago: {error.message}")

    async def _ask(self, target: Target) -> CallError | None:
        endpoint, model = target
        async with self._looking[target]:
            try:
                await self._sdk.ask(endpoint, smallest_body(endpoint, model, self.config.dimensions), self.config.probe_seconds)
            except CallError as error:
                if self.routes.failed(target, error, time.monotonic()):
                    self._warn(target, error)
                return error
            self.routes.succeeded(target)
            return None

    async def _list(self, targets: Sequence[Target]) -> CallError | None:
        async with self._looking[None]:
            try:
                await self._sdk.look(self.config.probe_seconds)
            except CallError as error:
                if self.routes.unlisted(targets, error, time.monotonic()):
                    self._warn(None, error)
                return error
            self.routes.listed()
            return None

    def _warn(self, target: Target | None, error: CallError) -> None:
        endpoint, model = target or (None, None)
        seconds = self.config.breaker_seconds
        log.warning("openai_away", endpoint=endpoint, model=model, error=str(error), told=error.told, seconds=seconds)
