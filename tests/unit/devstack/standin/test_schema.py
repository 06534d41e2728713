from __future__ import annotations

import json
from enum import StrEnum
from typing import Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field

from devstack.standin.failures import Rejected
from devstack.standin.schema import fit, require_strict


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Severity(StrEnum):
    LOW = "low"
    HIGH = "high"


class Citation(Strict):
    chunk_id: str
    page: int | None
    sheet: str | None
    quote: str


class Finding(Strict):
    severity: Severity
    title: str = Field(max_length=4)
    confidence: float = Field(ge=0, le=1)
    kind: Literal["finding"]
    citations: list[Citation] = Field(min_length=1)


class Audit(Strict):
    summary: str
    approved: bool
    findings: list[Finding] = Field(max_length=2)
    more: Finding | None


CITATION = {"chunk_id": "c", "page": "7", "quote": "q", "unknown": 1}
FINDING = {"severity": "high", "title": "Overdue", "citations": [CITATION]}
SCHEMA = Audit.model_json_schema()


def required(schema: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": schema, "required": list(schema), "additionalProperties": False}


@pytest.mark.parametrize(
    "value", [{}, None, {"findings": "none"}, {"findings": [FINDING] * 3, "more": FINDING, "summary": "s"}]
)
def test_whatever_is_known_the_answer_fits_the_schema(value: Any) -> None:
    require_strict(SCHEMA, "audit")
    Audit.model_validate_json(json.dumps(fit(SCHEMA, value)))


def test_what_is_known_by_the_names_of_the_schema_is_in_the_answer() -> None:
    found = fit(SCHEMA, {"summary": "s", "findings": [FINDING, FINDING, FINDING]})
    assert (found["summary"], found["approved"], found["more"], len(found["findings"])) == ("s", False, None, 2)
    assert found["findings"][0] == {
        "severity": "high", "title": "Over", "confidence": 0, "kind": "finding",
        "citations": [{"chunk_id": "c", "page": 7, "sheet": None, "quote": "q"}],
    }  # fmt: skip


@pytest.mark.parametrize("kinds", [["integer", "null"], ["null", "integer"]])
def test_a_list_of_types_is_an_alternative(kinds: list[str]) -> None:
    assert fit(required({"page": {"type": kinds}}), {"page": "7"}) == {"page": 7}
    assert fit(required({"page": {"type": kinds}}), {}) == {"page": None}


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ({"type": "array", "items": {}}, "got 'type: \"array\"'"),
        ({"type": "object", "properties": {}}, "'additionalProperties' is required"),
        (required({"a": {"type": "object", "properties": {}}}), "context=('properties', 'a')"),
        (required({"a": {"type": "string"}}) | {"required": []}, "Missing 'a'"),
        (required({}) | {"$defs": {"x": {"type": "object", "properties": {}}}}, "'$defs', 'x'"),
    ],
)
def test_a_schema_that_is_not_strict_is_refused_with_the_place(schema: dict[str, Any], message: str) -> None:
    with pytest.raises(Rejected) as caught:
        require_strict(schema, "audit")
    error = caught.value.body["error"]
    assert (caught.value.status, error["param"], error["code"]) == (400, "text.format.schema", "invalid_json_schema")
    assert message in error["message"]
