"""What an audit may cost: all that is asked on its behalf together, however often it is asked."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from devstack.standin.control import Control
from devstack.standin.faults import Fault
from events.event import Event
from events.failures import Permanent
from events.ids import uuid7
from handlers.answer import Answer
from handlers.audit import asking
from handlers.audit.flow import AuditsFlow
from handlers.llm import Llm, LlmAnswer
from storage.database import Database
from storage.llm_calls import LlmCall, record
from tests.support.audits import COVENANT, audit_data, audit_event, decoded, put_document, put_embedded, through

MakeFlow = Callable[..., AuditsFlow]

PRICE_IN, PRICE_OUT = Decimal("0.75") / 1_000_000, Decimal("4.50") / 1_000_000
OUTCOMES = "select outcome, cost_usd from llm_calls where endpoint = 'responses' order by called_at"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What `Llm.respond` was asked with."""
    made: list[dict[str, Any]] = []
    original = Llm.respond

    async def remember(llm: Llm, *arguments: Any, **question: Any) -> LlmAnswer:
        made.append(question)
        return await original(llm, *arguments, **question)

    monkeypatch.setattr(Llm, "respond", remember)
    return made


def event_of(budget_usd: float, **changes: Any) -> Event:
    return decoded(audit_event(str(uuid4()), audit_data(budget_usd=budget_usd, **changes)))


async def much(database: Database) -> None:
    """Sixty chunks of some 300 tokens."""
    canteen = "The canteen offers soup on day {0} and the lift was serviced by firm {0}. "
    await put_embedded(database, [canteen.format(number) * 20 for number in range(60)])


async def spend(database: Database, event: Event, usd: str, **columns: Any) -> None:
    """Enters an answer on behalf of the event into the ledger."""
    made = LlmCall(
        call_id=uuid7(),
        client_id=event.client_id,
        flow="audits",
        event_key=UUID(bytes=event.key),
        endpoint="responses",
        provider="stand-in",
        model="gpt-5.4-mini",
        answered_model="gpt-5.4-mini-stand-in",
        request_sha256=b"r" * 32,
        outcome="malformed",
        answer="?",
        answer_sha256=b"a" * 32,
        input_tokens=1,
        cached_tokens=0,
        output_tokens=1,
        cost_usd=Decimal(usd),
        latency_ms=1,
        provider_request_id=None,
    )
    async with database.connection() as connection:
        await record(connection, made._replace(**columns))


async def outcomes(database: Database) -> list[str]:
    async with database.connection() as connection:
        return [row["outcome"] for row in await connection.fetch(OUTCOMES)]


async def data_of(flow: AuditsFlow, database: Database, event: Event) -> dict[str, Any]:
    answer = await through(flow, database, event)
    assert isinstance(answer, Answer), answer
    return dict(answer.data)


@pytest.mark.parametrize("budget", [0.016, 0.03, 0.0735, 0.08, 0.2, 1e25])
async def test_evidence_and_answer_are_cut_until_the_budget_pays_for_them(
    make_flow: MakeFlow, database: Database, asked: list[dict[str, Any]], budget: float
) -> None:
    await much(database)
    data = await data_of(make_flow(), database, event_of(budget))
    [question] = asked
    longest = data["input_tokens"] * PRICE_IN + question["max_output_tokens"] * PRICE_OUT
    assert longest <= Decimal(str(budget))
    assert 2_000 <= question["max_output_tokens"] <= 16_000
    assert data["evidence_chunks"] + data["evidence_left_out"] == 60
    assert (data["evidence_left_out"] > 0, question["max_output_tokens"] < 16_000) == (budget < 0.05, budget < 0.1)


async def test_what_earlier_attempts_cost_is_no_longer_there_for_the_next(
    make_flow: MakeFlow, database: Database, asked: list[dict[str, Any]]
) -> None:
    await much(database)
    event, other = event_of(1.0), event_of(1.0)
    await spend(database, event, "0.96")
    await spend(database, event, "0.01", endpoint="embeddings", outcome="answered")
    fresh = await data_of(make_flow(), database, other)
    data = await data_of(make_flow(), database, event)
    assert fresh["evidence_left_out"] == 0 < data["evidence_left_out"]
    assert asked[1]["max_output_tokens"] < asked[0]["max_output_tokens"] == 16_000
    assert 0.97 < data["cost_usd"] <= 1.01


async def test_an_audit_that_has_spent_its_budget_asks_no_more(
    make_flow: MakeFlow, database: Database, openai: Control
) -> None:
    await put_document(database, [COVENANT])
    event = event_of(1.0)
    await spend(database, event, "0.99")
    flow = make_flow()
    [failure] = await flow.work([event], await flow.load([event]))
    assert isinstance(failure, Permanent)
    assert failure.code == "budget_exceeded"
    assert "budget_usd 1, of which 0.99 is spent," in failure.message
    assert openai.calls().received == {}


@pytest.mark.parametrize(("budget", "tries"), [(0.02, 1), (1.0, 3)])
async def test_a_malformed_answer_is_asked_for_again_while_the_budget_pays_for_another(
    make_flow: MakeFlow, database: Database, openai: Control, budget: float, tries: int
) -> None:
    await put_document(database, [COVENANT])
    openai.add(Fault("malformed_json", times=None))
    data = await data_of(make_flow(), database, event_of(budget))
    assert data["failure"]["code"] == "malformed_answer"
    assert await outcomes(database) == ["malformed"] * tries
    assert data["cost_usd"] <= budget


async def test_json_of_another_shape_is_malformed_at_every_try(
    make_flow: MakeFlow, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = {"type": "object", "properties": {"summary": {"type": "string"}}, "required": ["summary"]}
    monkeypatch.setattr(asking, "answer_schema", lambda _: other | {"additionalProperties": False})
    await put_document(database, [COVENANT])
    data = await data_of(make_flow(), database, event_of(1.0))
    assert (data["status"], data["failure"]["code"]) == ("failed", "malformed_answer")
    assert await outcomes(database) == ["malformed"] * 3


async def test_an_answer_is_found_again_though_others_were_paid_for_before_it(
    make_flow: MakeFlow, database: Database, openai: Control
) -> None:
    await much(database)
    event = event_of(0.03)
    await spend(database, event, "0.004")
    died = make_flow()
    [lost] = await died.work([event], await died.load([event]))
    before = openai.calls().answered
    assert lost.evidence.left_out > 0

    data = await data_of(make_flow(), database, event)
    assert openai.calls().answered == before == {"embeddings": 1, "responses": 1}
    assert data["summary"] == lost.summary


async def test_an_answer_about_what_is_evidence_no_longer_counts_as_spent(
    make_flow: MakeFlow, database: Database, asked: list[dict[str, Any]]
) -> None:
    await put_document(database, [COVENANT])
    event = event_of(0.1)
    died = make_flow()
    await died.work([event], await died.load([event]))
    await much(database)
    data = await data_of(make_flow(), database, event)
    assert await outcomes(database) == ["answered", "answered"]
    assert data["cost_usd"] <= 0.1
    assert asked[1]["budget_usd"] < asked[0]["budget_usd"]
