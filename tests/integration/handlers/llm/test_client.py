"""What the client returns when all goes well, and what it records."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from dataclasses import replace
from decimal import Decimal
from hashlib import sha256
from typing import Any
from uuid import uuid4

import asyncpg
import numpy as np
import pytest
from prometheus_client import REGISTRY

from devstack.standin.control import Control
from handlers.llm import Asker, Llm
from handlers.llm.sdk import Raw, Sdk
from storage.database import Database
from storage.embeddings import PaidVector, known_vectors
from tests.support.llm import AUDITOR, EMBEDDER, Ledger, MakeLlm, Respond, until


def counted(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


async def test_texts_become_unit_vectors_in_their_order(llm: Llm, asker: Asker) -> None:
    batch = await llm.embed(asker, EMBEDDER, ["overdue invoices", "a loan", "invoices that are overdue"])

    assert (batch.vectors.shape, batch.vectors.dtype) == ((3, 1536), np.float32)
    np.testing.assert_allclose(np.linalg.norm(batch.vectors, axis=1), 1, rtol=1e-5)
    likeness = batch.vectors @ batch.vectors[0]
    assert likeness[0] > likeness[2] > likeness[1]


async def test_a_call_for_vectors_is_recorded_by_whoever_knows_what_they_are_of(
    llm: Llm, asker: Asker, ledger: Ledger, database: Database
) -> None:
    batch = await llm.embed(asker, EMBEDDER, ["one"])
    assert await ledger() == []
    digest = sha256(b"one").digest()
    vector = PaidVector(
        "acme", EMBEDDER, digest, batch.vectors[0], batch.prompt_tokens, batch.cost_usd, asker.event_key, batch.call.call_id
    )

    await llm.record(batch.call, [vector])

    [row] = await ledger()
    assert row.pop("called_at")
    assert row == batch.call._asdict()
    assert (row["endpoint"], row["model"], row["answered_model"]) == ("embeddings", EMBEDDER, f"{EMBEDDER}-stand-in")
    assert (row["outcome"], row["answer"], row["input_tokens"], row["cost_usd"]) == ("answered", None, 1, Decimal("0.00000002"))
    async with database.connection() as connection:
        known = await known_vectors(connection, "acme", EMBEDDER, [digest])
    np.testing.assert_array_equal(known[digest].vector, batch.vectors[0])


async def test_an_answer_is_recorded_whole_before_anyone_has_it(respond: Respond, asker: Asker, ledger: Ledger) -> None:
    answer = await respond()

    [row] = await ledger()
    assert answer.outcome == row["outcome"] == "answered"
    assert answer.parsed is not None
    assert answer.parsed["findings"][0]["citations"] == [{"chunk_id": "c-1", "quote": "Two invoices are overdue."}]
    assert answer.text == row["answer"]
    assert sha256(answer.text.encode()).digest() == row["answer_sha256"]
    assert (row["client_id"], row["flow"], row["event_key"]) == ("acme", "audits", asker.event_key)
    assert (row["provider"], row["model"], row["provider_request_id"]) == ("stand-in", AUDITOR, "req_standin_00000001")
    assert answer.answered_model == row["answered_model"] == f"{AUDITOR}-stand-in"
    usage = answer.usage
    assert (usage.input_tokens, usage.cached_tokens, usage.output_tokens) == (
        row["input_tokens"], row["cached_tokens"], row["output_tokens"],
    )  # fmt: skip
    assert min(usage.input_tokens, usage.output_tokens) > 0
    fresh = usage.input_tokens - usage.cached_tokens
    price = Decimal("0.75") * fresh + Decimal("0.075") * usage.cached_tokens + Decimal("4.5") * usage.output_tokens
    assert answer.cost_usd == row["cost_usd"] == price / 1_000_000
    assert not answer.reused


async def test_a_retry_of_the_same_request_has_the_recorded_answer_and_makes_no_call(
    respond: Respond, make_llm: MakeLlm, ledger: Ledger, openai: Control
) -> None:
    first = await respond()
    again = await respond(make_llm())  # another worker

    assert again == replace(first, reused=True)
    assert openai.calls().received == {"responses": 1}
    assert len(await ledger()) == 1


async def test_another_event_or_another_request_is_a_call_of_its_own(respond: Respond, asker: Asker, openai: Control) -> None:
    await respond()
    await respond(who=replace(asker, event_key=uuid4()))
    await respond(prompt="What is late?")
    for _ in range(2):
        await respond(who=replace(asker, event_key=None))

    assert openai.calls().received == {"responses": 5}


async def test_calls_tokens_and_dollars_are_counted(respond: Respond, llm: Llm, asker: Asker) -> None:
    labels = {"endpoint": "responses", "model": AUDITOR}

    def now() -> list[float]:
        outcomes = [counted("millrace_llm_calls_total", **labels, outcome=outcome) for outcome in ("answered", "reused")]
        tokens = [counted("millrace_llm_tokens_total", **labels, kind=kind) for kind in ("input", "output")]
        return [*outcomes, *tokens, counted("millrace_llm_cost_usd_total", **labels)]

    before = now()
    answer = await respond()
    await respond()
    counts = [after - earlier for after, earlier in zip(now(), before, strict=True)]
    usage = answer.usage
    assert counts == pytest.approx([1, 1, usage.input_tokens, usage.output_tokens, float(answer.cost_usd)])
    assert counted("millrace_llm_seconds_count", endpoint="responses") >= 1


async def test_only_so_many_calls_are_made_at_once(
    make_llm: MakeLlm, asker: Asker, monkeypatch: pytest.MonkeyPatch, openai: Control
) -> None:
    llm, go_on, ask = make_llm(concurrency=2), asyncio.Event(), Sdk.ask
    running, most = 0, 0

    async def held_up(sdk: Sdk, *asked: Any) -> Raw:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await go_on.wait()
        try:
            return await ask(sdk, *asked)
        finally:
            running -= 1

    monkeypatch.setattr(Sdk, "ask", held_up)
    calls = [asyncio.create_task(llm.embed(asker, EMBEDDER, [f"text {number}"])) for number in range(5)]
    await until(lambda: running >= 2)
    await asyncio.sleep(0.05)  # in which the others would be made
    go_on.set()
    await asyncio.gather(*calls)
    assert most == 2
    assert openai.calls().received == {"embeddings": 5}


async def test_a_model_without_a_price_is_not_asked(llm: Llm, asker: Asker, openai: Control) -> None:
    with pytest.raises(ValueError, match="no price is known"):
        await llm.embed(asker, "text-embedding-9", ["one"])
    assert openai.calls().received == {}


async def test_an_answer_that_the_ledger_cannot_hold_is_an_error_of_the_database(
    llm: Llm, asker: Asker, ledger: Ledger
) -> None:
    batch = await llm.embed(asker, EMBEDDER, ["one"])
    short: Any = PaidVector("acme", EMBEDDER, b"h" * 32, np.zeros(3, np.float32), 1, Decimal(0), None, batch.call.call_id)

    with pytest.raises(asyncpg.DataError, match="expected 1536 dimensions"):
        await llm.record(batch.call, [short])

    assert await ledger() == []
    await llm.settled()


def test_the_key_is_not_shown(make_llm: MakeLlm) -> None:
    assert "sk-secret" not in repr(make_llm(api_key="sk-secret").config)


def test_the_sdk_is_imported_only_once_a_client_is_made() -> None:
    script = "import sys, handlers.llm; sys.exit('openai' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
