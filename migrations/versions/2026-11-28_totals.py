"""Totals of runs by groups of their positions."""

from __future__ import annotations

from alembic import op

revision = "f20c94e7b6a1"
down_revision = "b1f6d3a8c205"
branch_labels = None
depends_on = None

TOTALS = """
create table run_totals (
    run_id uuid not null,
    generation integer not null,
    group_values text[] not null,
    measure text not null,
    client_id text not null,
    "values" double precision[] not null,
    constraint pk_run_totals primary key (run_id, generation, group_values, measure),
    constraint ck_run_totals_client_id check (length(client_id) between 1 and 64),
    constraint ck_run_totals_generation check (generation >= 0)
)
"""

TENANT_POLICY = """
create policy tenant_reads_own on run_totals for select to millrace_tenant
using (client_id = (select current_setting('app.client_id', true)))
"""


def upgrade() -> None:
    op.execute("alter table runs add column group_by text[] not null default '{}'")
    op.execute("alter table run_slices add column group_totals jsonb not null default '{}'")
    op.execute(TOTALS)
    op.execute("alter table run_totals enable row level security")
    op.execute(TENANT_POLICY)
    op.execute("grant select on run_totals to millrace_tenant")


def downgrade() -> None:
    op.execute("revoke all on run_totals from millrace_tenant")
    op.execute("drop table run_totals")
    op.execute("alter table run_slices drop column group_totals")
    op.execute("alter table runs drop column group_by")
