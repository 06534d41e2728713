"""Assignments as the tests of audits make them."""

from __future__ import annotations

from typing import Any

from events.audit import AuditCreated
from handlers.audit.evidence import Evidence, Passage

AUDIT_ID = "01970000-0000-7000-8000-00000000000c"


def assignment(**changes: Any) -> AuditCreated:
    made = {"audit_id": AUDIT_ID, "title": "Loans 2026", "instructions": "Look for covenants that were broken."}
    return AuditCreated.model_validate(made | changes)


def evidence(*passages: Passage, left_out: int = 0) -> Evidence:
    return Evidence(list(passages), left_out)
