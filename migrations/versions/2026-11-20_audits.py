"""Audits and what they found."""

from __future__ import annotations

from alembic import op

revision = "c52a60f8e917"
down_revision = "7d1e94b06ac3"
branch_labels = None
depends_on = None

AUDITS = """
create table audits (
    audit_id uuid not null,
    client_id text not null,
    generation integer not null default 0,
    status text not null,
    title text not null,
    summary text not null default '',
    document_ids uuid[] not null default '{}',
    run_ids uuid[] not null default '{}',
    evidence_chunks integer not null default 0,
    evidence_left_out integer not null default 0,
    model text not null,
    prompt_version text not null,
    input_tokens integer not null default 0,
    output_tokens integer not null default 0,
    cost_usd numeric(18, 10) not null default 0,
    review jsonb not null default '[]',
    failure_code text,
    failure_message text,
    input_sha256 bytea not null,
    request_sha256 bytea not null,
    source text not null,
    event_id text not null,
    correlation_id text not null,
    started_at timestamptz not null,
    completed_at timestamptz not null,
    constraint pk_audits primary key (audit_id),
    constraint ck_audits_source check (length(source) between 1 and 256),
    constraint ck_audits_event_id check (length(event_id) between 1 and 256),
    constraint ck_audits_generation check (generation >= 0),
    constraint ck_audits_client_id check (length(client_id) between 1 and 64),
    constraint ck_audits_status check (status in ('completed', 'needs_review', 'refused', 'failed')),
    constraint ck_audits_input_sha256 check (octet_length(input_sha256) = 32),
    constraint ck_audits_request_sha256 check (octet_length(request_sha256) = 32),
    constraint ck_audits_evidence_chunks check (evidence_chunks >= 0),
    constraint ck_audits_evidence_left_out check (evidence_left_out >= 0),
    constraint ck_audits_input_tokens check (input_tokens >= 0),
    constraint ck_audits_output_tokens check (output_tokens >= 0),
    constraint ck_audits_cost_usd check (cost_usd >= 0),
    constraint ck_audits_failure check ((status = 'failed') = (failure_code is not null))
)
"""

AUDIT_FINDINGS = """
create table audit_findings (
    finding_id uuid not null default uuidv7(),
    audit_id uuid not null,
    client_id text not null,
    generation integer not null,
    ordinal integer not null,
    severity text not null,
    title text not null,
    description text not null,
    recommendation text not null,
    citations jsonb not null,
    constraint pk_audit_findings primary key (finding_id),
    constraint uq_audit_findings_audit_id_generation_ordinal unique (audit_id, generation, ordinal),
    constraint ck_audit_findings_client_id check (length(client_id) between 1 and 64),
    constraint ck_audit_findings_generation check (generation >= 0),
    constraint ck_audit_findings_ordinal check (ordinal >= 0),
    constraint ck_audit_findings_severity check (severity in ('info', 'low', 'medium', 'high', 'critical'))
)
"""

TENANT_POLICY = """
create policy tenant_reads_own on {table} for select to millrace_tenant
using (client_id = (select current_setting('app.client_id', true)))
"""


def upgrade() -> None:
    op.execute(AUDITS)
    op.execute("create index ix_audits_client_id_started_at on audits (client_id, started_at desc)")
    op.execute(AUDIT_FINDINGS)
    for table in ("audits", "audit_findings"):
        op.execute(f"alter table {table} enable row level security")
        op.execute(TENANT_POLICY.format(table=table))
    op.execute("grant select on audits, audit_findings to millrace_tenant")


def downgrade() -> None:
    op.execute("revoke all on audits, audit_findings from millrace_tenant")
    op.execute("drop table audit_findings")
    op.execute("drop table audits")
