from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from events.audit import AuditCompleted, AuditCreated

AUDIT_ID = "01970000-0000-7000-8000-00000000000c"
CREATED: dict[str, Any] = {"audit_id": AUDIT_ID, "title": "Q4", "instructions": "Compare\nthe books."}


def test_an_audit_is_about_all_documents_unless_it_names_some() -> None:
    audit = AuditCreated.model_validate(CREATED)
    assert (audit.document_ids, audit.run_ids, audit.max_findings, audit.budget_usd) == (None, None, 20, 1.0)
    assert AuditCreated.model_validate(CREATED | {"document_ids": []}).document_ids == []
    assert audit.natural_key() == AUDIT_ID


@pytest.mark.parametrize(
    "changes",
    [
        {"title": ""},
        {"instructions": "a\x00b"},
        {"document_ids": ["x"]},
        {"run_ids": AUDIT_ID},
        {"document_ids": [AUDIT_ID] * 1_001},
        {"max_findings": 0},
        {"max_findings": "20"},
        {"budget_usd": 0},
    ],
)
def test_a_wrong_audit_names_the_field(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=next(iter(changes))):
        AuditCreated.model_validate(CREATED | changes)


def test_a_finding_rests_on_citations() -> None:
    citation = {"document_id": AUDIT_ID, "chunk_id": AUDIT_ID, "page": 3, "quote": "as stated"}
    finding = {"finding_id": AUDIT_ID, "severity": "high", "title": "t", "description": "d", "recommendation": "r"}
    said = {"audit_id": AUDIT_ID, "status": "completed", "summary": "", "model": "m", "prompt_version": "1"}
    spent = {"input_tokens": 1, "output_tokens": 1, "cost_usd": 0.01, "findings": [finding | {"citations": [citation]}]}
    audit = AuditCompleted.model_validate(said | spent)
    assert audit.findings[0].citations[0].page == 3
