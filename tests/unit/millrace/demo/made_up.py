"""Outcomes of the demonstration's flows, made up."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from millrace.demo.outcome import Cited, GroupTotal, Outcome
from millrace.demo.scene import Scene

LETTER = {"id": "0199a3a2-7c1e-7b52-9d0f-2f6f4f0c1a01", "reason": "encrypted", "message": "needs a password"}

NAMES = {"runs": "book", "documents": "loan", "audits": "audit"}


def outcome(flow: str, said: dict[str, Any] | None, filename: str = "", **more: Any) -> Outcome:
    scene = Scene(NAMES[flow], "A title", flow, f"{flow}.topic", None, b"", task_id=f"{flow}-id", filename=filename)
    made = Outcome(scene, seconds=[0.25], **more)
    if said is not None:
        made.completions.append({"data": said})
    return made


def document(status: str = "embedded", filename: str = "loan-agreement.pdf", **said: Any) -> Outcome:
    counts = {"pages": 4, "chunks": 7, "chunks_reused": 0, "tokens": 2183, "cost_usd": 0.000044}
    return outcome("documents", {"status": status, "model": "small-stand-in", "failure": None, **counts, **said}, filename)


def unreadable() -> Outcome:
    failure = {"code": "encrypted", "message": "the PDF is protected by a password"}
    nothing = {"pages": 0, "chunks": 0, "tokens": 0, "cost_usd": 0}
    made = document("failed", "directors-pay.pdf", failure=failure, **nothing)
    made.dead_letters.append(LETTER)
    return made


def run(**more: Any) -> Outcome:
    """A run of two desks, one of which lacks a total under the second scenario."""
    said = {
        "run_id": "runs-id", "status": "completed", "positions": 3, "errors": 0, "scenarios": ["base", "crash"],
        "measures": ["PV", "DV01"], "totals": {"PV": {"base": 30.0, "crash": None}, "DV01": {"base": -3.0, "crash": None}},
    }  # fmt: skip
    sums = [
        GroupTotal(["Credit"], "PV", [131_107_150.06, -9_876_543.21]),
        GroupTotal(["Credit"], "DV01", [-35_875.15, -1.0]),
        GroupTotal(["FX"], "PV", [20.0, None]),
        GroupTotal(["FX"], "DV01", [-2.0, None]),
    ]
    row: Any = SimpleNamespace(reporting_currency="USD", scenario_ids=["base", "crash"], group_by=["desk"], slices=2)
    return outcome("runs", said, run=row, group_totals=sums, **more)


def finding(severity: str, title: str) -> dict[str, Any]:
    return {
        "severity": severity,
        "title": title,
        "description": f"What {title} is.",
        "recommendation": "Look.",
        "citations": [],
    }


def audit(status: str = "completed", *, holds: bool = True, **said: Any) -> Outcome:
    findings = [finding("low", "Term ended"), finding("critical", "Covenant [breached]")]
    whole = {
        "audit_id": "audits-id", "status": status, "summary": "Two things.", "findings": findings, "model": "mini-stand-in",
        "input_tokens": 7000, "output_tokens": 900, "cost_usd": 0.0093, "failure": None, "review": [],
    }  # fmt: skip
    cited = [Cited(0, "related-parties.md", 1, "The lease\nexpired.", holds), Cited(1, "treasury run", None, "[red]", True)]
    return outcome("audits", whole | said, citations=cited)
