"""What is asked of OpenAI in tests of its client, and how they wait for another process."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from handlers.llm import Llm, LlmAnswer

SECONDS = 120
EMBEDDER, AUDITOR = "text-embedding-3-small", "gpt-5.4-mini"
TEXT = {"type": "string"}
EVIDENCE = 'What is overdue?\n<chunk id="c-1" document="d-1" page="4">Two invoices are overdue.</chunk>'

MakeLlm = Callable[..., Llm]
Respond = Callable[..., Awaitable[LlmAnswer]]
Ledger = Callable[[], Awaitable[list[dict[str, Any]]]]


def strict(**properties: Any) -> dict[str, Any]:
    """A strict schema of an object."""
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


CITATION = strict(chunk_id=TEXT, quote=TEXT)
FINDING = strict(title=TEXT, citations={"type": "array", "items": CITATION})
SCHEMA = strict(summary=TEXT, findings={"type": "array", "items": FINDING})


def paid(calls: dict[str, int]) -> dict[str, int]:
    """The calls that cost something: a breaker looks by listing models, whenever it likes."""
    return {endpoint: count for endpoint, count in calls.items() if endpoint != "models"}


async def until(holds: Callable[[], object]) -> None:
    """Looks again and again."""
    async with asyncio.timeout(SECONDS):
        while not holds():  # noqa: ASYNC110 - the stand-in is another process
            await asyncio.sleep(0.01)
