from __future__ import annotations

from millrace.demo.facts import facts
from tests.unit.millrace.demo.made_up import audit, document, outcome, run, unreadable


def test_of_a_scene_without_a_completion_only_that_is_known() -> None:
    assert facts(outcome("documents", None)) == {"completions": 0, "dead_letters": []}


def test_a_run_tells_its_totals_by_group_and_its_slices() -> None:
    found = facts(run())
    assert found["slices"] == 2
    assert found["totals_by_group"]["FX"] == {"PV": {"base": 20.0, "crash": None}, "DV01": {"base": -2.0, "crash": None}}
    assert facts(outcome("runs", run().said))["totals_by_group"] == {}


def test_a_document_is_paid_for_unless_it_cost_nothing() -> None:
    found = facts(document())
    assert (found["status"], found["failure"], found["chunks"], found["is_paid"]) == ("embedded", None, 7, True)
    assert not facts(document("unchanged", cost_usd=0))["is_paid"]


def test_a_document_that_cannot_be_read_has_its_failure_and_its_dead_letter() -> None:
    found = facts(unreadable())
    assert (found["failure"], found["dead_letters"]) == ("encrypted", ["encrypted"])


def test_an_audit_is_one_whose_citations_hold() -> None:
    found = facts(audit())
    assert all(
        found[name] for name in ("is_audited", "has_summary", "has_findings", "has_citations", "citations_hold", "is_paid")
    )
    assert found["severities"] == {"low": 1, "critical": 1}
    assert found["cited"] == ["related-parties.md", "treasury run"]
    assert not facts(audit(holds=False))["citations_hold"]


def test_an_audit_that_needs_review_can_be_read_and_one_that_was_refused_cannot() -> None:
    assert facts(audit("needs_review"))["is_audited"]
    assert not facts(audit("refused", findings=[], summary=""))["is_audited"]
