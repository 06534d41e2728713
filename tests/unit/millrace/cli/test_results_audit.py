from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, get_args
from uuid import UUID, uuid4

import orjson
import pytest
from rich.console import Console

from events.audit import Doubt
from millrace.cli import output, results_audit
from millrace.cli.results_audit import as_plain, by_severity
from storage.audits import AuditRow, StoredAudit

DOCUMENT, RUN = uuid4(), uuid4()


def finding(severity: str, title: str, *cited: UUID) -> dict[str, Any]:
    citations = [{"document_id": str(each), "chunk_id": str(uuid4()), "page": 3, "quote": "as it stands"} for each in cited]
    texts = {"title": title, "description": "\x1b[2J[red]", "recommendation": "ask"}
    return {"finding_id": uuid4(), "severity": severity, "citations": citations} | texts


def stored(*findings: dict[str, Any], **columns: Any) -> StoredAudit:
    row = AuditRow(
        audit_id=uuid4(),
        client_id="acme",
        generation=0,
        status="needs_review",
        title="t",
        summary="all told",
        document_ids=[DOCUMENT],
        run_ids=[RUN],
        evidence_chunks=4,
        evidence_left_out=0,
        model="gpt-5.4-mini-stand-in",
        prompt_version="p",
        input_tokens=1,
        output_tokens=2,
        cost_usd=Decimal("0.0000123456"),
        review=[{"finding": 1, "reason": "quote_not_found", "chunk_id": "c", "quote": "made up"}],
        failure_code=None,
        failure_message=None,
        input_sha256=b"i" * 32,
        request_sha256=b"r" * 32,
        source="/s",
        event_id="e",
        correlation_id="c",
        started_at=datetime(2026, 11, 20, tzinfo=UTC),
        completed_at=datetime(2026, 11, 20, tzinfo=UTC),
    )
    return StoredAudit(row._replace(**columns), list(findings))


def printed(found: StoredAudit, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> str:
    console = Console(width=200, highlight=False)
    for module in (results_audit, output):
        monkeypatch.setattr(module, "data", lambda: console)
    results_audit._print(found, {DOCUMENT: "loan.pdf"})
    return capsys.readouterr().out


def test_the_worst_findings_come_first_and_keep_their_place() -> None:
    findings = [finding("low", "a"), finding("critical", "b"), finding("low", "c"), finding("high", "d")]
    assert [(place, each["title"]) for place, each in by_severity(findings)] == [(1, "b"), (3, "d"), (0, "a"), (2, "c")]


def test_programs_get_names_costs_and_whether_it_was_the_stand_in() -> None:
    plain = orjson.loads(
        orjson.dumps(as_plain(stored(finding("low", "a", DOCUMENT, RUN)), {DOCUMENT: "loan.pdf"}), default=str)
    )
    assert [cited["filename"] for cited in plain["findings"][0]["citations"]] == ["loan.pdf", f"run {RUN}"]
    assert (plain["cost_usd"], plain["stand_in"], plain["findings"][0]["place"]) == (0.0000123456, True, 0)
    assert plain["review"][0]["reason"] == "quote_not_found"


def test_people_see_findings_quotes_doubts_and_that_the_stand_in_answered(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = stored(finding("low", "small thing", DOCUMENT), finding("high", "great thing", RUN))
    text = printed(found, capsys, monkeypatch)
    assert "stand-in for OpenAI answered" in text
    assert text.index("great thing") < text.index("small thing")
    for part in ("all told", "2 findings (1 high, 1 low)", "> as it stands", "loan.pdf, page 3", f"run {RUN}", "$0.000012"):
        assert part in text
    assert "finding 2 quotes what its chunk does not say: made up" in text
    assert "\x1b" not in text
    assert "[red]" in text  # what a model says is no markup


def test_a_failed_audit_says_why_and_has_no_findings(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = stored(status="failed", failure_code="truncated", failure_message="cut", summary="", review=[], input_tokens=0)
    text = printed(failed, capsys, monkeypatch)
    assert "truncated" in text
    assert "findings" not in text
    assert "stand-in for OpenAI answered" not in text


def test_every_reason_to_review_has_words() -> None:
    assert set(results_audit.DOUBTS) == set(get_args(Doubt))
