"""Clients of the stand-in that lose no time, and what the ledger holds."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest

from devstack.standin.api import KEY
from devstack.standin.control import Control
from handlers.llm import Asker, Llm, LlmAnswer, LlmConfig, Prices
from handlers.llm.config import STAND_IN
from storage.database import Database
from tests.support.llm import AUDITOR, EVIDENCE, SCHEMA, Ledger, MakeLlm, Respond
from tests.support.patience import UNHURRIED

ALL_COLUMNS = "select * from llm_calls order by called_at, call_id"


@pytest.fixture
def asker() -> Asker:
    """An event of client acme."""
    return Asker("acme", "audits", uuid4())


@pytest.fixture
async def make_llm(database: Database, openai: Control) -> AsyncIterator[MakeLlm]:
    """A client that hardly waits between its tries; any knob can be given."""
    made: list[Llm] = []

    def make(**knobs: Any) -> Llm:
        given: dict[str, Any] = {
            "api_key": KEY,
            "base_url": openai.base_url,
            "provider": STAND_IN,
            "first_wait": 0.01,
            **UNHURRIED,
            "ledger_seconds": 120.0,
        }
        made.append(Llm(LlmConfig(**given | knobs), database, Prices()))
        return made[-1]

    yield make
    for llm in made:
        await llm.close()


@pytest.fixture
def llm(make_llm: MakeLlm) -> Llm:
    """A client with three tries."""
    return make_llm()


@pytest.fixture
def respond(llm: Llm, asker: Asker) -> Respond:
    """Asks for findings about the evidence; another client, asker or part of the question can be given."""

    async def ask(client: Llm = llm, who: Asker = asker, prompt: str = EVIDENCE, **more: Any) -> LlmAnswer:
        asked: dict[str, Any] = {"instructions": "Audit.", "schema": SCHEMA, "schema_name": "audit", "max_output_tokens": 2000}
        return await client.respond(who, AUDITOR, prompt=prompt, **asked | more)

    return ask


@pytest.fixture
def ledger(database: Database) -> Ledger:
    """What is recorded, in order."""

    async def rows() -> list[dict[str, Any]]:
        async with database.connection() as connection:
            return [dict(row) for row in await connection.fetch(ALL_COLUMNS)]

    return rows
