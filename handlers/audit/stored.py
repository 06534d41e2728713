"""Audits as they are stored, and the completions that answer for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, get_args
from uuid import UUID

from events.audit import AuditCreated, AuditFailureCode
from events.event import Event
from events.failures import Failure, Permanent
from events.identity import input_sha256
from handlers.answer import Answer
from handlers.audit.citations import Citation, Finding, Note
from handlers.audit.evidence import Evidence
from handlers.audit.prompt import PROMPT_VERSION
from storage.audits import AuditRow, FindingRow, StoredAudit
from storage.llm_calls import Spent

FAILURE_CODES = frozenset(get_args(AuditFailureCode))
NOTHING_SPENT = Spent(0, 0, 0, Decimal(0))


@dataclass(slots=True)
class Audited:
    """What became of an audit that was asked of a model; `failure` when its answer cannot be used."""

    started_at: datetime
    evidence: Evidence
    model: str
    status: str
    summary: str = ""
    findings: Sequence[Finding] = ()
    notes: Sequence[Note] = ()
    failure: Permanent | None = None


def request_sha256(event: Event) -> bytes:
    """The hash of what was asked: the data without audit_id, and the client."""
    return input_sha256(event.client_id, event.data_sha256 or b"")


def audit_row(event: Event, result: Audited | Failure, spent: Spent | None, model: str, now: datetime) -> AuditRow:
    """The row of an audit. `model` is the one to be asked; `spent` None where nothing was."""
    if isinstance(result, Failure):
        return _row(event, model, spent or NOTHING_SPENT, now, now, result)
    given = [(str(passage.chunk_id), passage.content_sha256) for passage in result.evidence.passages]
    return _row(event, result.model, spent or NOTHING_SPENT, result.started_at, now, result.failure)._replace(
        status=result.status,
        summary=result.summary,
        evidence_chunks=len(result.evidence.passages),
        evidence_left_out=result.evidence.left_out,
        review=[asdict(note) for note in result.notes],
        input_sha256=input_sha256(event.client_id, event.data_sha256 or b"", given),
    )


def finding_rows(row: AuditRow, result: Audited | Failure) -> list[FindingRow]:
    """The rows of an audit's findings, most severe first."""
    findings = result.findings if isinstance(result, Audited) else ()
    return [
        FindingRow(
            audit_id=row.audit_id,
            client_id=row.client_id,
            generation=row.generation,
            ordinal=ordinal,
            severity=finding.draft.severity,
            title=finding.draft.title,
            description=finding.draft.description,
            recommendation=finding.draft.recommendation,
            citations=[_citation(each) for each in finding.citations],
        )
        for ordinal, finding in enumerate(findings)
    ]


def answer_of(stored: StoredAudit) -> Answer:
    """The completion's data, the same whenever it is asked for."""
    row = stored.row
    failure = None if row.failure_code is None else Permanent(row.failure_code, row.failure_message or "")
    data: dict[str, Any] = {
        "audit_id": str(row.audit_id),
        "status": row.status,
        "summary": row.summary,
        "findings": [finding | {"finding_id": str(finding["finding_id"])} for finding in stored.findings],
        "model": row.model,
        "prompt_version": row.prompt_version,
        "input_tokens": row.input_tokens,
        "output_tokens": row.output_tokens,
        "cost_usd": float(row.cost_usd),
        "evidence_chunks": row.evidence_chunks,
        "evidence_left_out": row.evidence_left_out,
        "review": row.review,
    }
    if failure is not None:
        data["failure"] = {"code": failure.code, "message": failure.message}
    return Answer(data, failure)


def _citation(citation: Citation) -> dict[str, Any]:
    passage = citation.passage
    return {
        "document_id": str(passage.document_id),
        "chunk_id": str(passage.chunk_id),
        "page": passage.page,
        "quote": citation.quote,
    }


def _row(
    event: Event, model: str, spent: Spent, started_at: datetime, completed_at: datetime, failure: Failure | None
) -> AuditRow:
    audit: AuditCreated = event.data
    request = request_sha256(event)
    return AuditRow(
        audit_id=UUID(audit.audit_id),
        client_id=event.client_id,
        generation=event.generation,
        status="failed",
        title=audit.title,
        summary="",
        document_ids=[UUID(each) for each in audit.document_ids or ()],
        run_ids=[UUID(each) for each in audit.run_ids or ()],
        evidence_chunks=0,
        evidence_left_out=0,
        model=model,
        prompt_version=PROMPT_VERSION,
        input_tokens=spent.input_tokens,
        output_tokens=spent.output_tokens,
        cost_usd=spent.cost_usd,
        review=[],
        failure_code=None if failure is None else failure_code(failure),
        failure_message=None if failure is None else failure.message,
        input_sha256=request,
        request_sha256=request,
        source=event.source,
        event_id=event.id,
        correlation_id=event.correlation_id or event.id,
        started_at=started_at,
        completed_at=completed_at,
    )


def failure_code(failure: Failure) -> str:
    """The code under which an audit's failure is told; what OpenAI did not do in any attempt is one thing to clients."""
    if failure.code.startswith("openai_"):
        return "openai_away"
    return failure.code if failure.code in FAILURE_CODES else "internal"
