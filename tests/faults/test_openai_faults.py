"""Each fault of OpenAI, and what the event, the ledger and the completion look like afterwards.

All events of a test go through one worker at once; each fault strikes one of them, by the words that only it has.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import orjson
import pytest

from devstack.standin.control import Control
from devstack.standin.faults import Fault
from streams.app import Engine
from streams.publish import Outgoing, publish
from tests.support.accounts import all_is_finished
from tests.support.audits import audit_data, audit_event, put_embedded
from tests.support.rig import Rig, eventually

# A late answer comes after the time-out, which is long enough that no other answer does, however slow the machine is.
TIMEOUT = 12.0
LATE = 60.0
FOR_EVER = None


@dataclass(frozen=True, slots=True)
class Case:
    """A fault that strikes one event, the status of its completion, and the outcomes in the ledger, in their order."""

    name: str
    fault: dict[str, Any]
    status: str
    ledger: Sequence[str] = ("answered",)
    failure: str | None = None
    attempts: int = 1


DOCUMENTS = (
    Case("limited", {"kind": "rate_limit"}, "embedded"),
    Case("told", {"kind": "rate_limit", "retry_after": 0.3}, "embedded"),
    Case("limitedlong", {"kind": "rate_limit", "times": FOR_EVER}, "failed", (), "embedding_failed", attempts=3),
    Case("error", {"kind": "server_error"}, "embedded"),
    Case("unavailable", {"kind": "server_error", "status": 503, "times": 2}, "embedded"),
    Case("errorlong", {"kind": "server_error", "times": FOR_EVER}, "failed", (), "embedding_failed", attempts=3),
    Case("late", {"kind": "slow", "seconds": LATE}, "embedded"),
    Case("dropped", {"kind": "drop"}, "embedded"),
    Case("cut", {"kind": "drop", "share": 0.5}, "embedded"),
    Case("nojson", {"kind": "malformed_body"}, "embedded", ("malformed", "answered")),
    Case("short", {"kind": "wrong_length"}, "embedded", ("malformed", "answered")),
    Case(
        "shortlong", {"kind": "wrong_length", "times": FOR_EVER}, "failed", ("malformed",) * 9, "embedding_failed", attempts=3
    ),
)

AUDITS = (
    Case("limited", {"kind": "rate_limit"}, "completed"),
    Case("told", {"kind": "rate_limit", "retry_after": 0.3}, "completed"),
    Case("error", {"kind": "server_error"}, "completed"),
    Case("errorlong", {"kind": "server_error", "times": FOR_EVER}, "failed", (), "openai_away", attempts=3),
    Case("late", {"kind": "slow", "seconds": LATE}, "completed"),
    Case("dropped", {"kind": "drop"}, "completed"),
    Case("cut", {"kind": "drop", "share": 0.5}, "completed"),
    Case("nobody", {"kind": "malformed_body"}, "completed", ("malformed", "answered")),
    Case("nojson", {"kind": "malformed_json"}, "completed", ("malformed", "answered")),
    Case("nojsonlong", {"kind": "malformed_json", "times": FOR_EVER}, "failed", ("malformed",) * 3, "malformed_answer"),
    Case("truncated", {"kind": "truncated_json"}, "failed", ("truncated",), "truncated"),
    Case("refused", {"kind": "refusal"}, "refused", ("refused",)),
    Case("nochunk", {"kind": "invented_chunk"}, "needs_review"),
    Case("noquote", {"kind": "invented_quote"}, "needs_review"),
)
CALLS = "select outcome from llm_calls where client_id = $1 and endpoint = $2 order by called_at, call_id"


async def test_each_fault_while_a_document_is_embedded(documents_rig: Rig, openai: Control) -> None:
    rig = documents_rig
    rig.llm |= {"embeddings_seconds": TIMEOUT, "connect_seconds": TIMEOUT}
    events = []
    for case in DOCUMENTS:
        openai.add(Fault(endpoint="embeddings", contains=f"{case.name}!", **case.fault))
        await rig.objects.put(f"{case.name}.txt", f"The loan of {case.name}! is repaid in March.".encode())
        events.append(upload_event(case.name))
    await publish(rig.kafka, [Outgoing(rig.spec.topic, str(n).encode(), value) for n, value in enumerate(events)])
    async with rig.engine():
        said = {each["clientid"]: each["data"] for each in await rig.completions(len(DOCUMENTS))}
        await all_is_finished(rig)

    for case in DOCUMENTS:
        told = said[case.name]
        await the_ledger_says(rig, case, "embeddings")
        assert (told["status"], told.get("failure", {}).get("code")) == (case.status, case.failure), case.name
        assert (told["chunks"], told["cost_usd"] > 0) == ((1, True) if case.failure is None else (0, False)), case.name
    await dead_letters_are_those_of(rig, DOCUMENTS)


async def test_each_fault_while_an_audit_is_answered(audits_rig: Rig, openai: Control) -> None:
    rig = audits_rig
    rig.llm |= {"responses_seconds": TIMEOUT, "connect_seconds": TIMEOUT}
    events = []
    for case in AUDITS:
        openai.add(Fault(endpoint="responses", contains=f"{case.name}!", **case.fault))
        await put_embedded(rig.database, ["Invoice 17 over EUR 12,400 is overdue since April."], client_id=case.name)
        events.append(audit_event(f"a-{case.name}", audit_data(title=f"{case.name}!"), case.name))
    await publish(rig.kafka, [Outgoing(rig.spec.topic, str(n).encode(), value) for n, value in enumerate(events)])
    async with rig.engine():
        said = {each["clientid"]: each["data"] for each in await rig.completions(len(AUDITS))}
        await all_is_finished(rig)

    for case in AUDITS:
        told = said[case.name]
        await the_ledger_says(rig, case, "responses")
        assert (told["status"], (told.get("failure") or {}).get("code")) == (case.status, case.failure), case.name
        assert (told["cost_usd"] > 0, told["input_tokens"] > 0) == (bool(case.ledger),) * 2, case.name
        assert bool(told["findings"]) == (case.status in {"completed", "needs_review"}), case.name
        cited = [bool(finding["citations"]) for finding in told["findings"]]
        assert all(cited) == (case.status != "needs_review"), case.name
    await dead_letters_are_those_of(rig, AUDITS)


@pytest.mark.parametrize("kind", ["insufficient_quota", "server_error", "drop"])
async def test_an_outage_of_openai_spends_no_attempt_and_work_goes_on_by_itself(
    documents_rig: Rig, openai: Control, kind: str
) -> None:
    rig = documents_rig
    openai.add(Fault(kind, times=FOR_EVER))
    for number in range(10):
        await rig.objects.put(f"{number}.txt", f"Number {number}.".encode())
    await publish(rig.kafka, [Outgoing(rig.spec.topic, b"", upload_event(str(number))) for number in range(10)])
    async with rig.engine() as engine:
        await eventually(lambda: asks(openai), expected=True)
        await eventually(lambda: is_red(engine), expected=True)
        await asyncio.sleep(2.0)  # in which three attempts would be spent
        assert await rig.rows("select count(*) from retries") == [{"count": 0}]
        assert await rig.rows("select count(*) from documents") == [{"count": 0}]
        openai.reset()
        await rig.completions(10)
        await all_is_finished(rig)
    assert await rig.rows("select distinct status from documents") == [{"status": "embedded"}]
    assert await rig.rows("select count(*) from dead_letters") == [{"count": 0}]


async def test_an_event_that_alone_meets_errors_ends_even_where_one_failure_opens_the_breaker(
    documents_rig: Rig, openai: Control
) -> None:
    rig = documents_rig
    rig.llm |= {"breaker_failures": 1}
    openai.add(Fault("server_error", endpoint="embeddings", contains="alone!", times=FOR_EVER))
    await rig.objects.put("alone.txt", b"This is alone!")
    await publish(rig.kafka, [Outgoing(rig.spec.topic, b"", upload_event("alone"))])
    async with rig.engine():
        [completion] = await rig.completions(1)
        await all_is_finished(rig)
    assert (completion["data"]["status"], completion["data"]["failure"]["code"]) == ("failed", "embedding_failed")


async def is_red(engine: Engine) -> bool:
    return (await engine.health())["openai"] != "ok"


async def asks(openai: Control) -> bool:
    """Whether OpenAI has been asked for anything: a breaker that finds it away has no lane ask for vectors."""
    return sum(openai.calls().received.values()) > 0


async def the_ledger_says(rig: Rig, case: Case, endpoint: str) -> None:
    rows = await rig.rows(CALLS, case.name, endpoint)
    assert [row["outcome"] for row in rows] == list(case.ledger), case.name


async def dead_letters_are_those_of(rig: Rig, cases: Sequence[Case]) -> None:
    rows = await rig.rows("select client_id, reason, attempts from dead_letters")
    found = {row["client_id"]: row["attempts"] for row in rows}
    assert found == {case.name: case.attempts for case in cases if case.failure is not None}


def upload_event(name: str) -> bytes:
    """An upload by a client of that name, so that it shares its requests with nobody."""
    data = {"document_id": str(uuid4()), "version": 1, "uri": f"{name}.txt", "filename": f"{name}.txt"}
    envelope = {"specversion": "1.0", "id": f"d-{name}", "source": "/tests", "type": "document.uploaded.v1", "clientid": name}
    return orjson.dumps(envelope | {"data": data})
