"""Audits through the engine: each state, with what the completion, the tables and the ledger look like."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest

from devstack.standin.control import Control
from devstack.standin.faults import Fault
from events.audit import AuditCompleted
from events.envelope import Envelope
from handlers.audit.flow import AuditsFlow
from handlers.audit.prompt import PROMPT_VERSION
from handlers.audit.quotes import holds
from handlers.audit.settings import AuditSettings
from storage.documents import put_documents
from storage.tenant import tenant_session
from tests.support.accounts import all_is_finished
from tests.support.audits import COVENANT, LITIGATION, PLAIN, audit_data, audit_event, put_document
from tests.support.documents import failed_row
from tests.support.llm import paid
from tests.support.rig import Rig

MODEL = "gpt-5.4-mini-stand-in"
LEDGER = "select endpoint, outcome, model, answered_model, input_tokens, output_tokens, cost_usd, client_id from llm_calls"


async def completions(rig: Rig, *events: bytes, at_least: int | None = None, **engine: Any) -> dict[str, dict[str, Any]]:
    """What the events were answered, by their ids; each completion is as its schema says. None is left without an outcome."""
    async with rig.engine(**engine):
        await rig.publish(events)
        await all_is_finished(rig)  # what is refused has no completion to wait for
        found = await rig.completions(len(events) if at_least is None else at_least)
    for completion in found:
        Envelope[AuditCompleted].model_validate(completion)
    return {completion["causationid"]: completion for completion in found}


async def audited(rig: Rig, **changes: Any) -> dict[str, Any]:
    """The data of the completion of one audit."""
    data: dict[str, Any] = (await completions(rig, audit_event("e-1", audit_data(**changes))))["e-1"]["data"]
    return data


async def assert_failed(rig: Rig, data: dict[str, Any], code: str) -> None:
    """A failed completion, row, inbox outcome and dead letter, and no findings."""
    [dead] = await rig.dead(1)
    assert (data["status"], data["failure"]["code"], data["findings"]) == ("failed", code, [])
    assert dict(dead.headers)["dlq-reason"] == code.encode()
    [row] = await rig.rows("select status, failure_code, failure_message from audits")
    assert row == {"status": "failed", "failure_code": code, "failure_message": data["failure"]["message"]}
    assert await rig.rows("select outcome from inbox") == [{"outcome": "failed"}]
    assert await rig.count("audit_findings") == 0
    assert await rig.count("retries") == 0


async def test_an_audit_is_answered_with_findings_whose_quotes_hold(rig: Rig, openai: Control) -> None:
    loan = await put_document(rig.database, [PLAIN, COVENANT], filename="loan.pdf")
    minutes = await put_document(rig.database, [LITIGATION], filename="minutes.docx")
    audit = audit_data()
    answer = (await completions(rig, audit_event("e-1", audit)))["e-1"]
    data = answer["data"]
    assert answer["subject"] == data["audit_id"] == audit["audit_id"]
    assert (data["status"], data["model"], data["prompt_version"]) == ("completed", MODEL, PROMPT_VERSION)
    assert (data["evidence_chunks"], data["evidence_left_out"], data["review"]) == (3, 0, [])
    assert "stand-in" in data["summary"]

    chunks = await rig.rows("select chunk_id, document_id, page, content from document_chunks")
    by_id = {str(chunk["chunk_id"]): chunk for chunk in chunks}
    citations = [citation for finding in data["findings"] for citation in finding["citations"]]
    assert {citation["quote"] for citation in citations} == {COVENANT, LITIGATION}
    for citation in citations:
        chunk = by_id[citation["chunk_id"]]
        assert holds(citation["quote"], chunk["content"])
        assert (citation["document_id"], citation["page"]) == (str(chunk["document_id"]), chunk["page"])
    assert {citation["document_id"] for citation in citations} == {str(loan.document_id), str(minutes.document_id)}
    assert paid(openai.calls().answered) == {"responses": 1}


async def test_what_is_stored_is_what_was_told_and_the_ledger_bears_it_out(rig: Rig) -> None:
    await put_document(rig.database, [COVENANT])
    data = await audited(rig)
    [row] = await rig.rows("select * from audits")
    findings = await rig.rows("select * from audit_findings order by ordinal")
    [call] = await rig.rows(LEDGER)
    assert (call["endpoint"], call["outcome"], call["client_id"]) == ("responses", "answered", "acme")
    assert call["answered_model"] == row["model"] == data["model"]
    spent = ("input_tokens", "output_tokens", "cost_usd")
    assert [row[name] for name in spent] == [call[name] for name in spent]
    assert [data[name] for name in spent] == [call["input_tokens"], call["output_tokens"], float(call["cost_usd"])]
    assert 0 < data["cost_usd"] < 1
    assert [str(each["finding_id"]) for each in findings] == [each["finding_id"] for each in data["findings"]]
    assert [each["severity"] for each in findings] == [each["severity"] for each in data["findings"]]
    assert (row["client_id"], row["event_id"], row["title"]) == ("acme", "e-1", "Year end")
    assert row["started_at"] < row["completed_at"]


@pytest.mark.parametrize(("fault", "reason"), [("invented_chunk", "unknown_chunk"), ("invented_quote", "quote_not_found")])
async def test_a_citation_that_does_not_hold_is_left_out_and_wants_a_review(
    rig: Rig, openai: Control, fault: str, reason: str
) -> None:
    await put_document(rig.database, [COVENANT])
    openai.add(Fault(fault))
    data = await audited(rig)
    assert data["status"] == "needs_review"
    assert data["findings"][0]["citations"] == []
    [note] = data["review"]
    assert (note["finding"], note["reason"]) == (0, reason)
    [row] = await rig.rows("select status, review::text from audits")
    assert row["status"] == "needs_review"
    assert note["quote"] in row["review"]
    assert await rig.rows("select citations::text from audit_findings where ordinal = 0") == [{"citations": "[]"}]
    assert await rig.rows("select outcome from inbox") == [{"outcome": "completed"}]
    assert [call["outcome"] for call in await rig.rows(LEDGER)] == ["answered"]


async def test_a_refusal_is_a_state_of_its_own(rig: Rig, openai: Control) -> None:
    await put_document(rig.database, [COVENANT])
    openai.add(Fault("refusal"))
    data = await audited(rig)
    assert (data["status"], data["findings"], data["model"]) == ("refused", [], MODEL)
    assert "can't assist" in data["summary"]
    assert data["cost_usd"] > 0
    assert [call["outcome"] for call in await rig.rows(LEDGER)] == ["refused"]
    assert await rig.rows("select outcome from inbox") == [{"outcome": "completed"}]
    assert await rig.count("dead_letters") == 0


async def test_an_answer_that_was_cut_off_is_a_failure_that_was_paid_for(rig: Rig, openai: Control) -> None:
    await put_document(rig.database, [COVENANT])
    openai.add(Fault("truncated_json"))
    data = await audited(rig)
    await assert_failed(rig, data, "truncated")
    assert (data["model"], data["evidence_chunks"]) == (MODEL, 1)
    [call] = await rig.rows(LEDGER)
    assert (call["outcome"], float(call["cost_usd"])) == ("truncated", data["cost_usd"])
    assert data["output_tokens"] > 0


async def test_an_answer_that_stays_malformed_is_a_failure_and_each_try_was_paid_for(rig: Rig, openai: Control) -> None:
    await put_document(rig.database, [COVENANT])
    openai.add(Fault("malformed_json", times=None))
    data = await audited(rig)
    await assert_failed(rig, data, "malformed_answer")
    calls = await rig.rows(LEDGER)
    assert {call["outcome"] for call in calls} == {"malformed"}
    assert len(calls) == openai.calls().answered["responses"] > 1
    assert data["input_tokens"] == sum(call["input_tokens"] for call in calls)
    assert data["cost_usd"] == pytest.approx(float(sum(call["cost_usd"] for call in calls)))


async def test_an_answer_that_is_malformed_once_is_asked_for_again(rig: Rig, openai: Control) -> None:
    await put_document(rig.database, [COVENANT])
    openai.add(Fault("malformed_json"))
    data = await audited(rig)
    calls = await rig.rows(f"{LEDGER} order by called_at")
    assert (data["status"], [call["outcome"] for call in calls]) == ("completed", ["malformed", "answered"])
    assert data["cost_usd"] == pytest.approx(float(sum(call["cost_usd"] for call in calls)))


async def test_a_budget_that_pays_for_nothing_is_exceeded_before_anything_is_asked(rig: Rig, openai: Control) -> None:
    await put_document(rig.database, [COVENANT])
    data = await audited(rig, budget_usd=0.01)
    await assert_failed(rig, data, "budget_exceeded")
    assert (data["model"], data["cost_usd"], data["input_tokens"]) == ("gpt-5.4-mini", 0, 0)
    assert paid(openai.calls().received) == {}
    assert await rig.count("llm_calls") == 0


async def test_an_assignment_as_long_as_evidence_may_be_fails(rig: Rig, openai: Control) -> None:
    await put_document(rig.database, [COVENANT])
    await assert_failed(rig, await audited(rig, instructions="look " * 100_000), "too_large")
    assert paid(openai.calls().received) == {}


async def test_a_client_without_documents_has_nothing_to_audit(rig: Rig) -> None:
    await put_document(rig.database, [COVENANT], client_id="rival")
    data = await audited(rig)
    await assert_failed(rig, data, "evidence_missing")
    assert "no documents" in data["failure"]["message"]


async def test_documents_without_text_are_nothing_to_audit(rig: Rig) -> None:
    empty = await put_document(rig.database, [])
    data = await audited(rig, document_ids=[str(empty.document_id)])
    await assert_failed(rig, data, "evidence_missing")
    assert "no text" in data["failure"]["message"]


async def test_a_named_document_that_failed_fails_the_audit_at_once(rig: Rig) -> None:
    fine = await put_document(rig.database, [COVENANT])
    failed = failed_row(failure_code="encrypted")
    async with rig.database.transaction() as connection:
        await put_documents(connection, [failed], {})
    data = await audited(rig, document_ids=[str(fine.document_id), str(failed.document_id), str(uuid4())])
    await assert_failed(rig, data, "evidence_missing")
    assert f"{failed.document_id} (encrypted)" in data["failure"]["message"]


async def test_another_clients_document_is_waited_for_like_one_that_is_not_there(rig: Rig, openai: Control) -> None:
    theirs = await put_document(rig.database, [COVENANT], client_id="rival")
    unknown = uuid4()
    events = [audit_event(f"e-{each}", audit_data(document_ids=[str(each)])) for each in (theirs.document_id, unknown)]
    spec = replace(rig.spec, build=lambda given: AuditsFlow(replace(given, audits=AuditSettings(wait_seconds=1.0))))
    answers = await completions(rig, *events, spec=spec)
    told = {name: answer["data"]["failure"] for name, answer in answers.items()}
    assert {failure["code"] for failure in told.values()} == {"evidence_missing"}
    assert (
        told[f"e-{theirs.document_id}"]["message"].replace(str(theirs.document_id), str(unknown))
        == (told[f"e-{unknown}"]["message"])
    )
    assert paid(openai.calls().received) == {}


async def test_a_named_document_is_waited_for_until_it_is_finished(rig: Rig, openai: Control) -> None:
    document_id = uuid4()
    async with rig.engine():
        await rig.publish([audit_event("e-1", audit_data(document_ids=[str(document_id)]))])
        await rig.until("select last_error like 'evidence_missing%' from retries", expected=True)
        assert await rig.rows("select attempts from retries") == [{"attempts": 0}]
        await put_document(rig.database, [COVENANT], document_id=document_id)
        [completion] = await rig.completions(1)
        await rig.idle()
    assert completion["data"]["status"] == "completed"
    assert await rig.count("retries") == 0
    assert paid(openai.calls().answered) == {"responses": 1}


async def test_the_same_audit_under_another_event_id_is_answered_from_what_is_stored(rig: Rig, openai: Control) -> None:
    await put_document(rig.database, [COVENANT])
    audit = audit_data()
    first = await completions(rig, audit_event("e-1", audit))
    await put_document(rig.database, [LITIGATION])
    second = await completions(rig, audit_event("e-2", audit), audit_event("e-3", audit), at_least=3)
    assert {each["data"]["audit_id"] for each in second.values()} == {audit["audit_id"]}
    assert second["e-2"]["data"] == second["e-3"]["data"] == first["e-1"]["data"]
    assert len({each["id"] for each in second.values()}) == 3
    assert paid(openai.calls().answered) == {"responses": 1}
    assert await rig.count("audits") == 1


async def test_twins_of_one_audit_are_asked_once(rig: Rig, openai: Control) -> None:
    await put_document(rig.database, [COVENANT])
    openai.add(Fault("slow", seconds=0.5))
    audit = audit_data()
    answers = await completions(rig, *(audit_event(f"e-{number}", audit) for number in range(5)))
    assert {each["data"]["status"] for each in answers.values()} == {"completed"}
    assert paid(openai.calls().answered) == {"responses": 1}
    assert await rig.count("audits") == 1
    assert await rig.count("inbox") == 5


@pytest.mark.parametrize("other", [{"client_id": "rival"}, {"title": "Another"}])
async def test_the_same_audit_id_with_another_request_or_client_is_rejected(
    rig: Rig, openai: Control, other: dict[str, str]
) -> None:
    await put_document(rig.database, [COVENANT])
    await put_document(rig.database, [COVENANT], client_id="rival")
    audit = audit_data()
    await completions(rig, audit_event("e-1", audit))
    client_id = other.pop("client_id", "acme")
    await completions(rig, audit_event("e-2", audit | other, client_id), at_least=1)
    [dead] = await rig.dead(1)
    headers = dict(dead.headers)
    assert headers["dlq-reason"] == b"input_conflict"
    assert b"Year end" not in headers["dlq-message"]  # type: ignore[operator]
    assert paid(openai.calls().answered) == {"responses": 1}
    assert await rig.rows("select client_id, title from audits") == [{"client_id": "acme", "title": "Year end"}]


async def test_while_openai_is_away_audits_wait(rig: Rig, openai: Control) -> None:
    await put_document(rig.database, [COVENANT])
    openai.add(Fault("insufficient_quota", endpoint="responses", times=2), Fault("server_error", times=3))
    data = await audited(rig)
    assert data["status"] == "completed"
    assert [call["outcome"] for call in await rig.rows(LEDGER)] == ["answered"]


async def test_a_clients_session_sees_its_own_audits_alone(rig: Rig) -> None:
    for client in ("acme", "rival"):
        await put_document(rig.database, [f"{COVENANT} {client}"], client_id=client)
    events = [audit_event(f"e-{client}", audit_data(), client) for client in ("acme", "rival")]
    answers = await completions(rig, *events)
    for client in ("acme", "rival"):
        async with tenant_session(rig.database, client) as connection:
            for table in ("audits", "audit_findings", "llm_calls", "documents", "document_chunks"):
                assert await connection.fetch(f"select distinct client_id from {table}") == [(client,)], table
            [audit_id] = [row["audit_id"] for row in await connection.fetch("select audit_id from audits")]
        assert audit_id == UUID(answers[f"e-{client}"]["data"]["audit_id"])
        chunks = await rig.rows("select chunk_id from document_chunks where client_id = $1", client)
        cited = {each["chunk_id"] for found in answers[f"e-{client}"]["data"]["findings"] for each in found["citations"]}
        assert cited == {str(chunk["chunk_id"]) for chunk in chunks}
