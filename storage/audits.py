"""Audits and their findings: one audit each under a natural key that is bound to its input."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from storage.database import Connection


class AuditRow(NamedTuple):
    """One audit, in the order of the columns.

    `review` tells what is wrong with citations, `evidence_left_out` counts the chunks of the audit's documents that the
    model was not given. `failure_code` is None unless `status` is `failed`.
    """

    audit_id: UUID
    client_id: str
    generation: int
    status: str
    title: str
    summary: str
    document_ids: Sequence[UUID]
    run_ids: Sequence[UUID]
    evidence_chunks: int
    evidence_left_out: int
    model: str
    prompt_version: str
    input_tokens: int
    output_tokens: int
    cost_usd: Decimal
    review: list[dict[str, Any]]
    failure_code: str | None
    failure_message: str | None
    input_sha256: bytes
    request_sha256: bytes
    source: str
    event_id: str
    correlation_id: str
    started_at: datetime
    completed_at: datetime


class FindingRow(NamedTuple):
    """One finding, by its place from 0; `citations` is [{document_id, chunk_id, page, quote}]."""

    audit_id: UUID
    client_id: str
    generation: int
    ordinal: int
    severity: str
    title: str
    description: str
    recommendation: str
    citations: list[dict[str, Any]]


class StoredAudit(NamedTuple):
    """An audit as it is stored; each finding has finding_id, severity, title, description, recommendation, citations."""

    row: AuditRow
    findings: list[dict[str, Any]]


AUDIT_FIELDS = ", ".join(AuditRow._fields)
FINDING_FIELDS = ", ".join(FindingRow._fields)
TOLD_FIELDS = ("finding_id", "severity", "title", "description", "recommendation", "citations")
TOLD = ", ".join(f"'{name}', {name}" for name in TOLD_FIELDS)
REPLACED = ", ".join(f"{name} = excluded.{name}" for name in AuditRow._fields if name not in {"audit_id", "client_id"})

# Uses pk_audits. The same request made again, whose generation is higher, takes the place of what was there; if it fails, only
# that of a failure.
INSERT_AUDITS = f"""
insert into audits ({AUDIT_FIELDS})
select {AUDIT_FIELDS} from jsonb_populate_recordset(null::audits, $1::text::jsonb)
order by audit_id
on conflict (audit_id) do update set {REPLACED}
where audits.generation < excluded.generation and audits.request_sha256 = excluded.request_sha256
    and (audits.status = 'failed' or excluded.status <> 'failed')
returning audit_id
"""  # noqa: S608 - the names are constants

# Uses uq_audit_findings_audit_id_generation_ordinal. The audits' rows are this transaction's: nobody adds meanwhile.
DROP_FINDINGS = """
delete from audit_findings using audits
where audits.audit_id = any($1::uuid[]) and audit_findings.audit_id = audits.audit_id
    and audit_findings.generation < audits.generation
"""

INSERT_FINDINGS = f"""
insert into audit_findings ({FINDING_FIELDS})
select {FINDING_FIELDS} from jsonb_populate_recordset(null::audit_findings, $1::text::jsonb)
order by audit_id, ordinal
"""  # noqa: S608 - the names are constants

# Uses pk_audits and uq_audit_findings_audit_id_generation_ordinal. One statement: between two the findings might be replaced.
STORED = f"""
select {AUDIT_FIELDS.replace("review", "review::text")}, (
    select coalesce(json_agg(json_build_object({TOLD}) order by ordinal), '[]')::text
    from audit_findings where (audit_id, generation) = (audits.audit_id, audits.generation)
) as findings
from audits where audit_id = any($1::uuid[])
"""  # noqa: S608 - the names are constants

# Uses pk_audits.
NEWEST = "select audit_id, generation from audits where audit_id = any($1::uuid[])"

# Uses pk_audits.
IS_SETTLED = """
select exists (
    select from audits
    where audit_id = $1 and not (generation < $2 and request_sha256 = $3)
)
"""


async def insert_audits(connection: Connection, rows: Sequence[AuditRow]) -> set[UUID]:
    """Inserts the audits whose ids are new, or hold a lower generation of the same request; returns those ids.

    One that failed takes the place of nothing but a failure. Waits for other transactions that insert one of these ids. An id
    may come once.
    """
    return {row["audit_id"] for row in await connection.fetch(INSERT_AUDITS, _json(rows))} if rows else set()


async def replace_findings(connection: Connection, audit_ids: Collection[UUID], rows: Sequence[FindingRow]) -> None:
    """Inserts the findings of audits that `insert_audits` has inserted; each gets an id. Those of lower generations go."""
    if audit_ids:
        await connection.execute(DROP_FINDINGS, list(audit_ids))
    if rows:
        await connection.execute(INSERT_FINDINGS, _json(rows))


async def stored_audits(connection: Connection, audit_ids: Sequence[UUID]) -> dict[UUID, StoredAudit]:
    """The audits of those ids that are stored, and visible in this session, with the findings in their order."""
    stored = [_stored(list(row.values())) for row in await connection.fetch(STORED, audit_ids)]
    return {audit.row.audit_id: audit for audit in stored}


async def read_audit(connection: Connection, audit_id: UUID) -> StoredAudit | None:
    """The audit, or None when it is not stored or not visible in this session."""
    return (await stored_audits(connection, [audit_id])).get(audit_id)


async def newest_generations(connection: Connection, audit_ids: Collection[UUID]) -> dict[UUID, int]:
    """The generation of each of the audits that is stored."""
    rows = await connection.fetch(NEWEST, list(audit_ids))
    return {row["audit_id"]: row["generation"] for row in rows}


async def is_settled(connection: Connection, audit_id: UUID, generation: int, request_sha256: bytes) -> bool:
    """Whether what is stored under the id stands, so that a request needs no work: it is answered from that or refused."""
    return bool(await connection.fetchval(IS_SETTLED, audit_id, generation, request_sha256))


def _stored(values: list[Any]) -> StoredAudit:
    *columns, told = values
    row, findings = AuditRow(*columns), orjson.loads(told)
    return StoredAudit(
        row._replace(review=orjson.loads(str(row.review))),
        [each | {"finding_id": UUID(each["finding_id"])} for each in findings],
    )


def _json(rows: Sequence[AuditRow] | Sequence[FindingRow]) -> str:
    """Rows as an array of objects; Postgres reads each value as its column's type."""
    return orjson.dumps([row._asdict() for row in rows], default=_text).decode()


def _text(value: object) -> str:
    return "\\x" + value.hex() if isinstance(value, bytes) else str(value)
