"""The official SDK, and nothing of it beyond this module: bodies as they came, errors as ours.

Its own retries are off, because they repeat what has no quota left; its parsing is not used, because that loses the usage
of an answer that was cut off, and makes lists of numbers of vectors.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import openai

from events.text import printable
from handlers.llm.config import LlmConfig
from handlers.llm.errors import CallError, Trouble, told_wait, trouble_of
from handlers.llm.model import Endpoint

OPENAI: Final = "https://api.openai.com/v1"
LIKE_A_KEY: Final = re.compile(r"\bsk-[^\s'\"]+")
LONGEST_TOLD: Final = 300


@dataclass(frozen=True, slots=True)
class Raw:
    """The body of an answer with status 200, the server's id of the request, and how many seconds it took."""

    body: bytes
    request_id: str | None
    seconds: float


class Sdk:
    """One pool of connections to one provider. Every method raises CallError when it comes to nothing."""

    def __init__(self, config: LlmConfig) -> None:
        # A call is bounded as a whole where it is made; here is bounded what takes long for no good reason.
        timeout = openai.Timeout(None, connect=config.connect_seconds)
        self._client = openai.AsyncOpenAI(
            api_key=config.api_key, base_url=config.base_url or OPENAI, max_retries=0, timeout=timeout
        )

    async def ask(self, endpoint: Endpoint, body: dict[str, Any], seconds: float) -> Raw:
        """POSTs the body to the endpoint and waits so many seconds at most."""
        if endpoint == "embeddings":
            return await _timed(self._client.embeddings.with_raw_response.create(**body), seconds)
        return await _timed(self._client.responses.with_raw_response.create(**body), seconds)

    async def look(self, seconds: float) -> None:
        """Asks for the list of models, which costs nothing."""
        await _timed(self._client.models.with_raw_response.list(), seconds)

    async def close(self) -> None:
        """Ends the connections."""
        await self._client.close()


async def _timed(call: Awaitable[Any], seconds: float) -> Raw:
    began = time.monotonic()
    try:
        async with asyncio.timeout(seconds):
            response = await call
    except TimeoutError:
        raise CallError(Trouble.TIMEOUT, f"no answer within {seconds:g} s") from None
    except openai.APIError as error:
        raise _call_error(error) from error
    return Raw(response.content, response.request_id, time.monotonic() - began)


def _call_error(error: openai.APIError) -> CallError:
    if isinstance(error, openai.APITimeoutError):
        return CallError(Trouble.TIMEOUT, "no connection in time")
    if not isinstance(error, openai.APIStatusError):
        return CallError(Trouble.CONNECTION, "the connection failed", told=_harmless(str(error.__cause__ or error)))
    code = error.code if error.code is not None else error.type
    trouble = trouble_of(error.status_code, code)
    after = told_wait(error.response.headers, datetime.now(UTC))
    return CallError(trouble, f"status {error.status_code} ({trouble})", after, _told(error, trouble))


def _told(error: openai.APIStatusError, trouble: Trouble) -> str | None:
    # OpenAI quotes a part of the key that it refuses.
    told = error.body.get("message") if isinstance(error.body, dict) and trouble is not Trouble.KEY else None
    return None if told is None else _harmless(str(told))


def _harmless(text: str) -> str:
    return printable(LIKE_A_KEY.sub("sk-…", text), LONGEST_TOLD)
