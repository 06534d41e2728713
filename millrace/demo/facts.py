"""What can be expected of a scene, by the names that `examples/expected.json` uses; pure."""

from __future__ import annotations

from collections import Counter
from typing import Any

from millrace.demo.outcome import Outcome

# How an audit can end of which there is something to read.
AUDITED = {"completed", "needs_review"}


def facts(outcome: Outcome) -> dict[str, Any]:
    """All facts of a scene; of what has no completion, only that there is none."""
    known: dict[str, Any] = {
        "completions": len(outcome.completions),
        "dead_letters": [letter["reason"] for letter in outcome.dead_letters],
    }
    if outcome.completions:
        known |= {"status": outcome.said["status"], "failure": (outcome.said.get("failure") or {}).get("code")}
        known |= _OF_FLOW[outcome.scene.flow](outcome)
    return known


def _of_run(outcome: Outcome) -> dict[str, Any]:
    said = outcome.said
    return {
        "positions": said["positions"],
        "totals": said["totals"],
        "rows_with_errors": said["errors"],
        "errors": outcome.errors,
        "totals_by_group": _by_group(outcome),
        "slices": outcome.run.slices if outcome.run else None,
    }


def _by_group(outcome: Outcome) -> dict[str, dict[str, dict[str, float | None]]]:
    """Totals by what positions say in the grouping columns, by measure and by scenario."""
    found: dict[str, dict[str, dict[str, float | None]]] = {}
    for group, measure, values in outcome.group_totals:
        found.setdefault(" / ".join(group), {})[measure] = dict(zip(outcome.said["scenarios"], values, strict=True))
    return found


def _of_document(outcome: Outcome) -> dict[str, Any]:
    said = outcome.said
    counts = {name: said[name] for name in ("pages", "chunks", "chunks_reused", "tokens")}
    return counts | {"is_paid": outcome.cost > 0, "cost_usd": said["cost_usd"], "model": said["model"]}


def _of_audit(outcome: Outcome) -> dict[str, Any]:
    said = outcome.said
    return {
        "is_audited": said["status"] in AUDITED,
        "has_summary": bool(said["summary"]),
        "has_findings": bool(said["findings"]),
        "has_citations": bool(outcome.citations),
        "citations_hold": all(citation.holds for citation in outcome.citations),
        "is_paid": outcome.cost > 0 and said["input_tokens"] > 0 and said["output_tokens"] > 0,
        "findings": [finding["title"] for finding in said["findings"]],
        "severities": dict(Counter(finding["severity"] for finding in said["findings"])),
        "cited": sorted({citation.name for citation in outcome.citations}),
        **{name: said[name] for name in ("summary", "model", "input_tokens", "output_tokens", "cost_usd")},
    }


_OF_FLOW = {"runs": _of_run, "documents": _of_document, "audits": _of_audit}
