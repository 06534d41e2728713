"""Slices: large runs are planned, and priced part by part."""

from __future__ import annotations

from alembic import op

revision = "7c1e5a90d3f4"
down_revision = "d3e58b0f7c19"
branch_labels = None
depends_on = None

PROGRESS = """
alter table runs add column slices integer not null default 0, add column slices_done integer not null default 0,
    add constraint ck_runs_slices_done check (slices_done between 0 and slices)
"""

PLANS = """
create table run_plans (
    run_id uuid not null,
    generation integer not null,
    client_id text not null,
    request bytea not null,
    positions_uri text,
    market_sha256 bytea,
    subject text not null,
    traceparent text,
    planned_at timestamptz not null default now(),
    constraint pk_run_plans primary key (run_id, generation),
    constraint ck_run_plans_client_id check (length(client_id) between 1 and 64),
    constraint ck_run_plans_generation check (generation >= 0),
    constraint ck_run_plans_market_sha256 check (octet_length(market_sha256) = 32)
)
"""

SLICES = """
create table run_slices (
    run_id uuid not null,
    generation integer not null,
    slice_no integer not null,
    client_id text not null,
    first_row integer not null,
    positions integer not null,
    byte_ranges bigint[] not null,
    bytes_sha256 bytea,
    status text not null default 'planned',
    errors integer not null default 0,
    totals jsonb not null default '{}',
    failure_code text,
    failure_message text,
    worker text,
    pricer_version text,
    started_at timestamptz,
    finished_at timestamptz,
    constraint pk_run_slices primary key (run_id, generation, slice_no),
    constraint ck_run_slices_client_id check (length(client_id) between 1 and 64),
    constraint ck_run_slices_generation check (generation >= 0),
    constraint ck_run_slices_slice_no check (slice_no >= 0),
    constraint ck_run_slices_first_row check (first_row >= 0),
    constraint ck_run_slices_errors check (errors >= 0),
    constraint ck_run_slices_positions check (positions > 0),
    constraint ck_run_slices_bytes_sha256 check (octet_length(bytes_sha256) = 32),
    constraint ck_run_slices_status check (status in ('planned', 'done', 'failed')),
    constraint ck_run_slices_finished check ((status = 'planned') = (finished_at is null)),
    constraint ck_run_slices_failure check ((status = 'failed') = (failure_code is not null))
)
"""

TENANT_POLICY = """
create policy tenant_reads_own on {table} for select to millrace_tenant
using (client_id = (select current_setting('app.client_id', true)))
"""


def upgrade() -> None:
    op.execute(PROGRESS)
    op.execute(PLANS)
    op.execute(SLICES)
    for table in ("run_plans", "run_slices"):
        op.execute(f"alter table {table} enable row level security")
        op.execute(TENANT_POLICY.format(table=table))
    op.execute("grant select on run_plans, run_slices to millrace_tenant")


def downgrade() -> None:
    op.execute("revoke all on run_plans, run_slices from millrace_tenant")
    op.execute("drop table run_slices")
    op.execute("drop table run_plans")
    op.execute("alter table runs drop column slices_done, drop column slices")
