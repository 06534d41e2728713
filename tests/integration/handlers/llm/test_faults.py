"""What each fault of OpenAI becomes: for the event an error or an outcome, for the ledger a row or none."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from devstack.standin.control import Control
from devstack.standin.faults import KINDS, Fault
from events.failures import Failure, Outage, Permanent, Transient
from handlers.llm import Asker, Llm, LlmConfig, Prices
from storage.database import Database
from tests.support.llm import EMBEDDER, EVIDENCE, Ledger, MakeLlm, Respond, until

Ask = Callable[[Llm], Awaitable[Any]]


@pytest.fixture(params=["embeddings", "responses"])
def endpoint(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


@pytest.fixture
def ask(endpoint: str, asker: Asker, respond: Respond) -> Ask:
    """A call to the endpoint by the client that is given; vectors are recorded as the Embedder does it."""

    async def embed(llm: Llm) -> Any:
        batch = await llm.embed(asker, EMBEDDER, ["one", "two"])
        await llm.record(batch.call)
        return batch

    return embed if endpoint == "embeddings" else respond


async def failure_of(awaitable: Awaitable[Any]) -> Failure:
    with pytest.raises(Failure) as caught:
        await awaitable
    return caught.value


def outcomes(rows: list[dict[str, Any]]) -> list[str]:
    return [row["outcome"] for row in rows]


@pytest.mark.parametrize(
    "fault",
    [
        Fault("server_error", times=2),
        Fault("server_error", times=2, status=503),
        Fault("drop", times=2),
        Fault("drop", times=2, share=0.5),
        Fault("rate_limit", times=2),
        Fault("rate_limit", times=2, retry_after=0.05),
        Fault("slow", seconds=0.05),
    ],
    ids=lambda fault: f"{fault.kind}-{fault.status}-{fault.share}-{fault.retry_after}",
)
async def test_what_passes_within_the_tries_is_an_answer_and_one_row(
    llm: Llm, ask: Ask, openai: Control, ledger: Ledger, fault: Fault, endpoint: str
) -> None:
    openai.add(fault)
    await ask(llm)

    assert outcomes(await ledger()) == ["answered"]
    assert openai.faults() == []
    assert openai.calls().answered == {endpoint: 1}


@pytest.mark.parametrize("fault", [Fault("server_error", times=3), Fault("drop", times=3)], ids=lambda fault: fault.kind)
async def test_what_lasts_longer_than_the_tries_is_an_outage_and_no_row(
    llm: Llm, ask: Ask, openai: Control, ledger: Ledger, fault: Fault, endpoint: str
) -> None:
    openai.add(fault)
    failure = await failure_of(ask(llm))

    assert (type(failure), failure.code) == (Outage, "openai_away")
    assert openai.calls().received == {endpoint: 3}
    assert await ledger() == []


async def test_an_answer_that_takes_too_long_is_an_outage_that_is_not_asked_for_again(
    make_llm: MakeLlm, ask: Ask, openai: Control, ledger: Ledger, endpoint: str
) -> None:
    openai.add(Fault("slow", seconds=600, times=None))
    failure = await failure_of(ask(make_llm(embeddings_seconds=0.3, responses_seconds=0.3)))

    assert (type(failure), failure.code) == (Outage, "openai_away")
    assert "no answer within 0.3 s" in failure.message
    # On a busy machine the question may not even have left.
    assert openai.calls().received in ({endpoint: 1}, {})
    assert await ledger() == []


@pytest.mark.parametrize("told", [None, 0.02])
async def test_a_rate_limit_that_outlasts_the_tries_is_transient(
    llm: Llm, ask: Ask, openai: Control, ledger: Ledger, endpoint: str, told: float | None
) -> None:
    openai.add(Fault("rate_limit", times=3, retry_after=told))
    failure = await failure_of(ask(llm))

    assert isinstance(failure, Transient)
    assert (failure.code, failure.after) == ("rate_limited", told or 0.0)
    assert openai.calls().received == {endpoint: 3}
    assert await ledger() == []


async def test_what_openai_says_of_the_account_is_logged_and_told_to_nobody(llm: Llm, ask: Ask, openai: Control) -> None:
    openai.add(Fault("rate_limit", times=3))
    with capture_logs() as lines:
        failure = await failure_of(ask(llm))

    assert failure.message == "status 429 (rate_limit)"
    assert [line["event"] for line in lines] == ["llm_call_repeated"] * 2 + ["llm_call_failed"]
    assert all("Rate limit" in line["told"] for line in lines)


async def test_a_long_wait_is_not_waited_for_but_told_to_the_event(llm: Llm, ask: Ask, openai: Control, endpoint: str) -> None:
    openai.add(Fault("rate_limit", retry_after=31))
    failure = await failure_of(ask(llm))

    assert isinstance(failure, Transient)
    assert (failure.code, failure.after) == ("rate_limited", 31.0)
    assert openai.calls().received == {endpoint: 1}


async def test_without_quota_nothing_is_tried_again(llm: Llm, ask: Ask, openai: Control, ledger: Ledger, endpoint: str) -> None:
    openai.add(Fault("insufficient_quota"))
    failure = await failure_of(ask(llm))

    assert (type(failure), failure.code) == (Outage, "openai_quota")
    assert openai.calls().received == {endpoint: 1}
    assert await ledger() == []


async def test_a_key_that_is_refused_is_an_outage_and_not_told(
    make_llm: MakeLlm, ask: Ask, openai: Control, ledger: Ledger, endpoint: str
) -> None:
    failure = await failure_of(ask(make_llm(api_key="sk-secret")))

    assert (type(failure), failure.code, failure.message) == (Outage, "openai_refuses_key", "status 401 (key)")
    assert openai.calls().received == {endpoint: 1}
    assert await ledger() == []


async def test_a_server_that_is_not_there_is_an_outage(
    database: Database, asker: Asker, respond: Respond, ledger: Ledger
) -> None:
    llm = Llm(LlmConfig(api_key="k", base_url="http://127.0.0.1:1/v1", provider="nobody", first_wait=0.01), database, Prices())
    failure = await failure_of(respond(llm))
    await llm.close()

    assert (type(failure), failure.code) == (Outage, "openai_away")
    assert await ledger() == []


async def test_a_request_that_openai_does_not_take_is_permanent(
    llm: Llm, asker: Asker, respond: Respond, openai: Control, ledger: Ledger
) -> None:
    empty = await failure_of(llm.embed(asker, EMBEDDER, [""]))
    loose = await failure_of(respond(schema={"type": "object", "properties": {}}))

    assert [(type(each), each.code) for each in (empty, loose)] == [(Permanent, "model_refused")] * 2
    assert [each.message for each in (empty, loose)] == ["status 400 (request)"] * 2
    assert openai.calls().received == {"embeddings": 1, "responses": 1}
    assert await ledger() == []


async def test_a_body_that_is_no_json_is_recorded_and_asked_for_again(
    llm: Llm, ask: Ask, openai: Control, ledger: Ledger
) -> None:
    openai.add(Fault("malformed_body"))
    await ask(llm)

    malformed, answered = await ledger()
    assert (malformed["outcome"], answered["outcome"]) == ("malformed", "answered")
    assert (malformed["answered_model"], malformed["answer"], malformed["input_tokens"], malformed["cost_usd"]) == (
        None,
        None,
        0,
        0,
    )


async def test_bodies_that_are_never_json_are_transient(llm: Llm, ask: Ask, openai: Control, ledger: Ledger) -> None:
    openai.add(Fault("malformed_body", times=3))
    failure = await failure_of(ask(llm))

    assert (type(failure), failure.code) == (Transient, "malformed_answer")
    assert outcomes(await ledger()) == ["malformed"] * 3


async def test_vectors_of_the_wrong_length_are_recorded_with_their_cost_and_asked_for_again(
    llm: Llm, asker: Asker, openai: Control, ledger: Ledger
) -> None:
    openai.add(Fault("wrong_length", times=2))
    batch = await llm.embed(asker, EMBEDDER, ["one", "two"])

    first, second = await ledger()
    assert batch.vectors.shape == (2, 1536)
    assert (first["outcome"], first["input_tokens"], first["cost_usd"]) == ("malformed", 2, Decimal("0.00000004"))
    assert first["request_sha256"] == second["request_sha256"] == batch.call.request_sha256


async def test_vectors_that_are_always_of_the_wrong_length_are_transient(
    llm: Llm, asker: Asker, openai: Control, ledger: Ledger
) -> None:
    openai.add(Fault("wrong_length", times=3, length=3072))
    failure = await failure_of(llm.embed(asker, EMBEDDER, ["one"]))

    assert (type(failure), failure.code) == (Transient, "malformed_answer")
    assert "length 3072, not 1536" in failure.message
    assert outcomes(await ledger()) == ["malformed"] * 3


async def test_text_that_is_no_json_is_recorded_and_asked_for_again(respond: Respond, openai: Control, ledger: Ledger) -> None:
    openai.add(Fault("malformed_json"))
    answer = await respond()

    malformed, answered = await ledger()
    assert (answer.outcome, answer.text) == ("answered", answered["answer"])
    assert malformed["outcome"] == "malformed"
    assert malformed["answer"]
    assert malformed["cost_usd"] > 0


async def test_text_that_is_never_json_is_a_malformed_answer_that_is_never_reused(
    respond: Respond, openai: Control, ledger: Ledger
) -> None:
    openai.add(Fault("malformed_json", times=3))
    answer = await respond()

    rows = await ledger()
    assert (answer.outcome, answer.parsed, answer.text) == ("malformed", None, rows[-1]["answer"])
    assert outcomes(rows) == ["malformed"] * 3
    assert (await respond()).outcome == "answered"


@pytest.mark.parametrize(("kind", "outcome"), [("refusal", "refused"), ("truncated_json", "truncated")])
async def test_a_refusal_or_a_cut_is_an_answer_of_its_own_that_is_paid_for_once(
    respond: Respond, openai: Control, ledger: Ledger, kind: str, outcome: str
) -> None:
    openai.add(Fault(kind))
    answer = await respond()
    again = await respond()

    [row] = await ledger()
    assert (answer.outcome, answer.parsed, answer.text) == (outcome, None, row["answer"])
    assert answer.text
    assert row["outcome"] == outcome
    assert row["cost_usd"] > 0
    assert again == replace(answer, reused=True)
    assert openai.calls().received == {"responses": 1}


@pytest.mark.parametrize("kind", ["invented_chunk", "invented_quote"])
async def test_an_invented_citation_is_an_answer_as_far_as_the_client_can_tell(
    respond: Respond, openai: Control, ledger: Ledger, kind: str
) -> None:
    openai.add(Fault(kind))
    answer = await respond()

    assert (answer.outcome, outcomes(await ledger())) == ("answered", ["answered"])
    assert answer.parsed is not None
    [citation] = answer.parsed["findings"][0]["citations"]
    assert citation["chunk_id"] != "c-1" or citation["quote"] not in EVIDENCE


async def test_a_caller_that_gives_up_while_openai_works_leaves_nothing(
    llm: Llm, ask: Ask, openai: Control, ledger: Ledger
) -> None:
    openai.add(Fault("slow", seconds=600))
    task = asyncio.ensure_future(ask(llm))
    await until(lambda: openai.calls().calls)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert await ledger() == []
    await ask(llm)
    assert outcomes(await ledger()) == ["answered"]


def test_every_fault_there_is_has_a_test() -> None:
    text = Path(__file__).read_text(encoding="utf-8")
    assert [kind for kind in KINDS if f'"{kind}"' not in text] == []
