"""Audits: instructions and evidence in; findings with citations out."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from events.model import Count, Data, UuidText
from events.text import Text

MAX_EVIDENCE = 1_000

AuditStatus = Literal["completed", "needs_review", "refused", "failed"]
Severity = Literal["info", "low", "medium", "high", "critical"]
AuditFailureCode = Literal[
    "evidence_missing",
    "budget_exceeded",
    "too_large",
    "truncated",
    "malformed_answer",
    "model_refused",
    "rate_limited",
    "openai_away",
    "kills_worker",
    "internal",
]
Doubt = Literal["unknown_chunk", "quote_not_found", "no_citation", "too_many_findings"]

EvidenceIds = Annotated[list[UuidText], Field(fail_fast=True, max_length=MAX_EVIDENCE)]


class AuditCreated(Data):
    """audit.created.v1: audit these documents and runs; no `document_ids` means all of the client's."""

    key_fields: ClassVar[tuple[str, ...]] = ("audit_id",)

    audit_id: UuidText
    title: Annotated[Text, Field(max_length=1024)]
    instructions: Text
    document_ids: EvidenceIds | None = None
    run_ids: EvidenceIds | None = None
    max_findings: Annotated[int, Field(ge=1, le=1_000)] = 20
    budget_usd: Annotated[float, Field(gt=0)] = 1.0


class Citation(Data):
    """Where a finding rests: a quote from one chunk."""

    document_id: UuidText
    chunk_id: UuidText
    page: Annotated[int, Field(ge=1)] | None
    quote: str


class Finding(Data):
    """One thing that the audit found."""

    finding_id: UuidText
    severity: Severity
    title: str
    description: str
    recommendation: str
    citations: list[Citation]


class ReviewNote(Data):
    """Why an audit needs review: a citation that does not hold and was left out, a finding without any, or one too many.

    `finding` is the place of the finding in the completion, from 0, or the one that the first finding too many would have;
    `chunk_id` and `quote` are the model's words.
    """

    finding: Count
    reason: Doubt
    chunk_id: str
    quote: str


class AuditFailure(Data):
    """Why there is no audit."""

    code: AuditFailureCode
    message: str


class AuditCompleted(Data):
    """audit.completed.v1: the end of an audit. `cost_usd` is what its model calls cost.

    `evidence_chunks` passages were given to the model; `evidence_left_out` others of the same documents had no room.
    """

    audit_id: UuidText
    status: AuditStatus
    summary: str
    findings: list[Finding]
    model: str
    prompt_version: str
    input_tokens: Count
    output_tokens: Count
    cost_usd: Annotated[float, Field(ge=0)]
    failure: AuditFailure | None = None
    evidence_chunks: Count = 0
    evidence_left_out: Count = 0
    review: Annotated[list[ReviewNote], Field(default_factory=list)]
