"""Generations of runs: those that are being worked on beside the results that are read, and those that were read before."""

from __future__ import annotations

from alembic import op

revision = "a6d20e81f35b"
down_revision = "f20c94e7b6a1"
branch_labels = None
depends_on = None

# The columns are those of `runs`.
GENERATIONS = """
create table run_generations (
    like runs including defaults,
    retired_at timestamptz,
    constraint pk_run_generations primary key (run_id, generation),
    constraint ck_run_generations_source check (length(source) between 1 and 256),
    constraint ck_run_generations_event_id check (length(event_id) between 1 and 256),
    constraint ck_run_generations_generation check (generation >= 0),
    constraint ck_run_generations_client_id check (length(client_id) between 1 and 64),
    constraint ck_run_generations_status
        check (status in ('planned', 'completed', 'partial', 'failed', 'cancelled', 'superseded')),
    constraint ck_run_generations_reporting_currency check (length(reporting_currency) = 3),
    constraint ck_run_generations_input_sha256 check (octet_length(input_sha256) = 32),
    constraint ck_run_generations_request_sha256 check (octet_length(request_sha256) = 32),
    constraint ck_run_generations_market_sha256 check (octet_length(market_sha256) = 32),
    constraint ck_run_generations_portfolio_sha256 check (octet_length(portfolio_sha256) = 32),
    constraint ck_run_generations_positions check (positions >= 0),
    constraint ck_run_generations_errors check (errors >= 0),
    constraint ck_run_generations_finished check ((status = 'planned') = (completed_at is null)),
    constraint ck_run_generations_retired check ((status = 'planned') = (retired_at is null)),
    constraint ck_run_generations_failure check ((status = 'failed') = (failure_code is not null)),
    constraint ck_run_generations_partial check (status <> 'partial' or errors > 0),
    constraint ck_run_generations_slices_done check (slices_done between 0 and slices),
    constraint ck_run_generations_tail_days check (tail_days between 0 and cardinality(scenario_ids))
)
"""

# A client that reads in several statements sees by the generation whether they are of one.
RUN_VALUES = """
create or replace view run_values with (security_invoker = true) as
select result.run_id, result.client_id, result.position_id, result.measure, result.bucket, cell.scenario_id,
    cell.value{generation}
from runs
join run_results as result on result.run_id = runs.run_id and result.generation = runs.generation
cross join lateral unnest(runs.scenario_ids, result."values") as cell (scenario_id, value)
where runs.status in ('completed', 'partial')
"""

TENANT_POLICY = """
create policy tenant_reads_own on run_generations for select to millrace_tenant
using (client_id = (select current_setting('app.client_id', true)))
"""

# What no row of `runs` leads to would never be found again.
FORGET = """
delete from {table} using run_generations as past
where {table}.run_id = past.run_id and {table}.generation = past.generation
"""


def upgrade() -> None:
    op.execute(GENERATIONS)
    op.execute("alter table run_generations alter column generation drop default")
    op.execute("create index ix_run_generations_retired_at on run_generations (retired_at)")
    op.execute("alter table run_generations enable row level security")
    op.execute(TENANT_POLICY)
    op.execute("grant select on run_generations to millrace_tenant")
    op.execute(RUN_VALUES.format(generation=", result.generation"))
    op.execute("alter table replays drop constraint ck_replays_mode")
    op.execute("alter table replays add constraint ck_replays_mode check (mode in ('redeliver', 'reprocess'))")


def downgrade() -> None:
    op.execute("delete from replays where mode = 'reprocess'")
    op.execute("alter table replays drop constraint ck_replays_mode")
    op.execute("alter table replays add constraint ck_replays_mode check (mode in ('redeliver'))")
    op.execute("revoke all on run_values from millrace_tenant")
    op.execute("drop view run_values")
    op.execute(RUN_VALUES.format(generation=""))
    op.execute("grant select on run_values to millrace_tenant")
    for table in ("run_results", "run_totals", "run_slices", "run_plans"):
        op.execute(FORGET.format(table=table))
    op.execute("revoke all on run_generations from millrace_tenant")
    op.execute("drop table run_generations")
