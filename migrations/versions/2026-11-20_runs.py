"""Priced runs, and the role under which clients' sessions read them: each client's rows alone."""

from __future__ import annotations

from alembic import op

revision = "9b41d0e6f2c7"
down_revision = "5e273b7c1a90"
branch_labels = None
depends_on = None

RUNS = """
create table runs (
    run_id uuid not null,
    client_id text not null,
    generation integer not null default 0,
    status text not null,
    valuation_date date not null,
    reporting_currency text not null,
    scenario_ids text[] not null,
    measures text[] not null,
    positions integer not null default 0,
    errors integer not null default 0,
    totals jsonb not null default '{}',
    failure_code text,
    failure_message text,
    input_sha256 bytea not null,
    request_sha256 bytea not null,
    pricer_version text not null,
    snapshot_id text,
    source text not null,
    event_id text not null,
    correlation_id text not null,
    started_at timestamptz not null default now(),
    completed_at timestamptz,
    constraint pk_runs primary key (run_id),
    constraint ck_runs_source check (length(source) between 1 and 256),
    constraint ck_runs_event_id check (length(event_id) between 1 and 256),
    constraint ck_runs_generation check (generation >= 0),
    constraint ck_runs_client_id check (length(client_id) between 1 and 64),
    constraint ck_runs_status check (status in ('planned', 'completed', 'partial', 'failed', 'cancelled')),
    constraint ck_runs_reporting_currency check (length(reporting_currency) = 3),
    constraint ck_runs_input_sha256 check (octet_length(input_sha256) = 32),
    constraint ck_runs_request_sha256 check (octet_length(request_sha256) = 32),
    constraint ck_runs_positions check (positions >= 0),
    constraint ck_runs_errors check (errors >= 0),
    constraint ck_runs_finished check ((status = 'planned') = (completed_at is null)),
    constraint ck_runs_failure check ((status = 'failed') = (failure_code is not null)),
    constraint ck_runs_partial check (status <> 'partial' or errors > 0)
)
"""

RUN_RESULTS = """
create table run_results (
    run_id uuid not null,
    generation integer not null,
    row_no integer not null,
    measure text not null,
    bucket text not null default '',
    client_id text not null,
    position_id text not null,
    "values" double precision[] not null,
    error text,
    error_detail text,
    constraint pk_run_results primary key (run_id, generation, row_no, measure, bucket),
    constraint ck_run_results_client_id check (length(client_id) between 1 and 64),
    constraint ck_run_results_generation check (generation >= 0),
    constraint ck_run_results_row_no check (row_no >= 0),
    constraint ck_run_results_values check (coalesce(array_ndims("values"), 1) = 1),
    constraint ck_run_results_error_detail check (error is not null or error_detail is null)
)
"""

# A run shows its rows once it has some that count: those of its newest finished generation.
RUN_VALUES = """
create view run_values with (security_invoker = true) as
select result.run_id, result.client_id, result.position_id, result.measure, result.bucket, cell.scenario_id, cell.value
from runs
join run_results as result on result.run_id = runs.run_id and result.generation = runs.generation
cross join lateral unnest(runs.scenario_ids, result."values") as cell (scenario_id, value)
where runs.status in ('completed', 'partial')
"""

# The role belongs to the whole cluster: another database's migration may create it or its membership at this moment.
# The membership is for `set role`, not for inheriting; 16 tells the two apart.
TENANT_ROLE = """
do $block$
declare
    since_16 constant boolean := current_setting('server_version_num')::int >= 160000;
    attempts_left int := 20;
begin
    loop
        begin
            if not exists (select from pg_roles where rolname = 'millrace_tenant') then
                create role millrace_tenant nologin;
            end if;
            if not pg_has_role(current_user, 'millrace_tenant', case when since_16 then 'SET' else 'MEMBER' end) then
                execute format('grant millrace_tenant to %I %s', current_user,
                    case when since_16 then 'with inherit false, set true' end);
            end if;
            execute format('grant usage on schema %I to millrace_tenant', current_schema());
            return;
        -- internal_error: "tuple concurrently updated"
        exception when duplicate_object or unique_violation or internal_error then
            attempts_left := attempts_left - 1;
            if attempts_left = 0 then
                raise;
            end if;
            perform pg_sleep(0.05 + random() * 0.1);
        end;
    end loop;
end
$block$
"""

TENANT_POLICY = """
create policy tenant_reads_own on {table} for select to millrace_tenant
using (client_id = (select current_setting('app.client_id', true)))
"""


def upgrade() -> None:
    op.execute(RUNS)
    op.execute("create index ix_runs_client_id_started_at on runs (client_id, started_at desc)")
    op.execute(RUN_RESULTS)
    op.execute(RUN_VALUES)
    op.execute(TENANT_ROLE)
    for table in ("runs", "run_results"):
        op.execute(f"alter table {table} enable row level security")
        op.execute(TENANT_POLICY.format(table=table))
    op.execute("grant select on runs, run_results, run_values to millrace_tenant")


def downgrade() -> None:
    # The role and its membership stay: other databases of the cluster use them.
    op.execute("revoke all on runs, run_results, run_values from millrace_tenant")
    op.execute(
        "do $block$ begin execute format('revoke usage on schema %I from millrace_tenant', current_schema()); end $block$"
    )
    op.execute("drop view run_values")
    op.execute("drop table run_results")
    op.execute("drop table runs")
