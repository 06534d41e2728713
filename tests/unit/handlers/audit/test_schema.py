from __future__ import annotations

from typing import Any

import pytest

from devstack.standin.schema import fit, require_strict
from events.failures import Permanent
from handlers.audit.schema import DraftFinding, answer_schema, draft_of, most_severe_first

FINDING: dict[str, Any] = {
    "citations": [{"chunk_id": "c", "quote": "q"}],
    "title": "t",
    "description": "d",
    "severity": "high",
    "recommendation": "r",
}
ANSWER: dict[str, Any] = {"findings": [FINDING], "summary": "s"}


def test_the_schema_is_strict_and_bounds_the_findings() -> None:
    schema = answer_schema(2)
    require_strict(schema, "audit")
    assert len(fit(schema, ANSWER | {"findings": [FINDING] * 3})["findings"]) == 2
    assert answer_schema(3)["properties"]["findings"]["maxItems"] == 3


def test_what_fits_the_schema_is_read() -> None:
    draft = draft_of(fit(answer_schema(5), ANSWER))
    assert draft.summary == "s"
    assert draft.findings[0].citations[0].quote == "q"


@pytest.mark.parametrize(
    "parsed",
    [
        None,
        {},
        {"findings": []},
        ANSWER | {"findings": [FINDING | {"severity": "fatal"}]},
        ANSWER | {"findings": [FINDING | {"citations": [{"chunk_id": "c"}]}]},
        ANSWER | {"more": 1},
        ANSWER | {"summary": 5},
    ],
)
def test_what_does_not_is_malformed(parsed: dict[str, Any] | None) -> None:
    with pytest.raises(Permanent) as caught:
        draft_of(parsed)
    assert caught.value.code == "malformed_answer"


def test_what_the_tables_cannot_keep_is_removed() -> None:
    draft = draft_of(ANSWER | {"summary": "a\x00b\ud800c\r\nd", "findings": [FINDING | {"title": "\x00"}]})
    assert draft.summary == "abc\nd"
    assert draft.findings[0].title == ""


def test_the_most_severe_findings_come_first_and_equals_keep_their_order() -> None:
    told = [("a", "low"), ("b", "critical"), ("c", "info"), ("d", "low"), ("e", "high"), ("f", "medium")]
    findings = [DraftFinding.model_validate(FINDING | {"title": title, "severity": severity}) for title, severity in told]
    assert "".join(each.title for each in most_severe_first(findings)) == "befadc"
