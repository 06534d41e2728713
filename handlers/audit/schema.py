"""What the model is to answer: its JSON Schema for strict structured outputs, and the answer as it is read.

Source: https://platform.openai.com/docs/guides/structured-outputs
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from events.audit import Severity
from events.failures import Permanent
from events.model import explain
from handlers.embed.text import clean

SCHEMA_NAME = "audit"
SEVERITIES = get_args(Severity)


def _kept(value: Any) -> Any:
    """What the tables can keep of a text: a model can answer NUL and lone surrogates."""
    return clean(value) if isinstance(value, str) else value


Words = Annotated[str, BeforeValidator(_kept)]


class _Answered(BaseModel):
    """A part of the answer. A model writes fields in this order: what it read comes before what it makes of it."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


class DraftCitation(_Answered):
    chunk_id: Words = Field(description="The id of the element that says so, as given.")
    quote: Words = Field(description="The words of that element, copied exactly: one contiguous part, nothing left out.")


class DraftFinding(_Answered):
    citations: list[DraftCitation] = Field(description="Where the finding rests; at least one.")
    title: Words = Field(description="The finding in a few words.")
    description: Words = Field(description="What is wrong or worth knowing, and why, as far as the evidence says.")
    severity: Severity
    recommendation: Words = Field(description="What should be done about it.")


class Draft(_Answered):
    findings: list[DraftFinding] = Field(description="Most severe first; empty where the evidence gives none.")
    summary: Words = Field(description="The outcome of the audit in a few sentences.")


def answer_schema(max_findings: int) -> dict[str, Any]:
    """The JSON Schema of an answer of at most so many findings: every field required, no other allowed."""
    schema = Draft.model_json_schema()
    schema["properties"]["findings"]["maxItems"] = max_findings
    return schema


def most_severe_first(findings: Iterable[DraftFinding]) -> list[DraftFinding]:
    """The findings by severity; those that are as severe as each other keep their order."""
    return sorted(findings, key=lambda finding: -SEVERITIES.index(finding.severity))


def require_draft(parsed: dict[str, Any]) -> None:
    """Raises ValueError when a model's answer is not of the schema."""
    Draft.model_validate(parsed)


def draft_of(parsed: dict[str, Any] | None) -> Draft:
    """The model's answer. Raises Permanent, code malformed_answer, when it is not of the schema; nothing of it is quoted."""
    try:
        return Draft.model_validate(parsed)
    except ValidationError as error:
        raise Permanent("malformed_answer", f"the model's answer is not of the schema: {explain(error, parsed)}") from None
