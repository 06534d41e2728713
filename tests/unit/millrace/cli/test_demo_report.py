from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from millrace.cli.demo_papers import show_audit, show_documents
from millrace.cli.demo_report import report
from millrace.cli.output import data
from millrace.demo.outcome import Outcome
from millrace.demo.verdict import Check
from tests.unit.millrace.demo.made_up import audit, document, outcome, unreadable

DOCUMENTS = [document(), unreadable(), document("unchanged", "loan-signed.pdf", chunks_reused=7, tokens=0, cost_usd=0)]
ALL = [outcome("runs", None), *DOCUMENTS, audit()]


def printed(capsys: pytest.CaptureFixture[str], width: int, monkeypatch: pytest.MonkeyPatch, show: Any, *what: Any) -> str:
    monkeypatch.setattr(data(), "width", width)
    show(*what)
    return capsys.readouterr().out


def test_documents_fit_into_eighty_columns(capsys: Any, monkeypatch: Any) -> None:
    shown = printed(capsys, 80, monkeypatch, show_documents, DOCUMENTS)
    lines = [line.split() for line in shown.splitlines()]
    assert ["loan-agreement.pdf", "embedded", "4", "7", "0", "2,183", "$0.000044", "0.2", "s"] in lines
    assert ["loan-signed.pdf", "unchanged", "4", "7", "7", "0", "$0", "0.2", "s"] in lines
    assert max(map(len, shown.splitlines())) <= 80


def test_in_a_narrow_terminal_nothing_of_them_is_lost(capsys: Any, monkeypatch: Any) -> None:
    shown = " ".join(
        printed(capsys, 50, monkeypatch, show_documents, [*DOCUMENTS, outcome("documents", None, "late.pdf")]).split()
    )
    assert "loan-agreement.pdf embedded pages 4, chunks 7, reused 0, tokens 2,183, cost $0.000044, time 0.2 s" in shown
    assert "late.pdf no answer" in shown


def test_a_document_that_failed_is_told_with_its_reason_and_its_dead_letter(capsys: Any, monkeypatch: Any) -> None:
    shown = printed(capsys, 200, monkeypatch, show_documents, DOCUMENTS)
    assert (
        "directors-pay.pdf: encrypted, the PDF is protected by a password. A failed completion, and dead letter 0199a3a2"
        in shown
    )
    assert "loan-signed.pdf: unchanged." in shown


def test_a_document_without_an_answer_is_told_as_such(capsys: Any, monkeypatch: Any) -> None:
    nothing = outcome("documents", None, "late.pdf")
    assert "late.pdf  no answer" in printed(capsys, 80, monkeypatch, show_documents, [nothing])


@pytest.mark.parametrize("width", [60, 200])
def test_findings_are_told_the_worst_first_with_quotes_files_and_pages(width: int, capsys: Any, monkeypatch: Any) -> None:
    shown = " ".join(printed(capsys, width, monkeypatch, show_audit, audit()).split())
    assert "2 findings (1 critical, 1 low)" in shown
    assert shown.index("Covenant [breached]") < shown.index("Term ended")
    assert shown.count("related-parties.md, page 1 “The lease expired.”") == 1
    assert "treasury run “[red]”" in shown
    assert "mini-stand-in, 7,000 tokens in, 900 out, $0.009300" in shown


def test_a_citation_that_does_not_hold_is_told(capsys: Any, monkeypatch: Any) -> None:
    assert "the text does not say so" in printed(capsys, 200, monkeypatch, show_audit, audit(holds=False))
    assert "the text does not say so" not in printed(capsys, 200, monkeypatch, show_audit, audit())


def test_an_audit_that_failed_is_told_with_its_reason(capsys: Any, monkeypatch: Any) -> None:
    failed = audit("failed", findings=[], summary="", failure={"code": "evidence_missing", "message": "nothing there"})
    shown = printed(capsys, 200, monkeypatch, show_audit, failed)
    assert "evidence_missing: nothing there" in shown
    assert "no answer" in printed(capsys, 200, monkeypatch, show_audit, outcome("audits", None))


def told(outcomes: Sequence[Outcome], *, by_stand_in: bool, as_json: bool) -> None:
    checks = [Check("audit", "status", "completed", "[failed]"), Check("audit", "completions", 1, 1)]
    report("acme", outcomes, checks, by_stand_in=by_stand_in, as_json=as_json)


def test_costs_are_summed_and_who_answered_is_told_plainly(capsys: Any, monkeypatch: Any) -> None:
    shown = printed(capsys, 200, monkeypatch, lambda: told(ALL, by_stand_in=True, as_json=False))
    assert "runs $0, documents $0.000044, audits $0.009300; in all $0.009344." in shown
    assert "OpenAI was not asked and nothing was paid" in shown
    assert "audit: status should be 'completed', is '[failed]'" in shown
    shown = printed(capsys, 200, monkeypatch, lambda: told(ALL, by_stand_in=False, as_json=False))
    assert "not asked" not in shown


def test_programs_are_told_the_same(capsys: Any) -> None:
    told(ALL, by_stand_in=True, as_json=True)
    said = json.loads(capsys.readouterr().out)
    assert said["answered_by"] == "stand-in"
    assert said["cost_usd"]["total"] == pytest.approx(0.009344)
    assert [check["holds"] for check in said["checks"]] == [False, True]
    assert said["scenes"]["audit"]["citations"][0]["quote"] == "The lease\nexpired."
    assert not said["ok"]
