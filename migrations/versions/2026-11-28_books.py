"""Market snapshots and portfolios as things of their own: each client's, under ids, never changed."""

from __future__ import annotations

from alembic import op

revision = "d3e58b0f7c19"
down_revision = "b4c1f7a92d36"
branch_labels = None
depends_on = None

# json keeps the text as it came, jsonb does not: a digest needs the letter.
MARKET_SNAPSHOTS = """
create table market_snapshots (
    client_id text not null,
    snapshot_id text not null,
    as_of date not null,
    content_sha256 bytea not null,
    content json not null,
    loaded_at timestamptz not null default now(),
    constraint pk_market_snapshots primary key (client_id, snapshot_id),
    constraint ck_market_snapshots_client_id check (length(client_id) between 1 and 64),
    constraint ck_market_snapshots_snapshot_id check (length(snapshot_id) between 1 and 256),
    constraint ck_market_snapshots_content_sha256 check (content_sha256 = sha256(convert_to(content::text, 'UTF8')))
)
"""

PORTFOLIOS = """
create table portfolios (
    client_id text not null,
    portfolio_id text not null,
    content_sha256 bytea not null,
    uri text not null,
    object_sha256 bytea not null,
    object_bytes bigint not null,
    positions integer not null,
    products jsonb not null default '{}',
    loaded_at timestamptz not null default now(),
    constraint pk_portfolios primary key (client_id, portfolio_id),
    constraint ck_portfolios_client_id check (length(client_id) between 1 and 64),
    constraint ck_portfolios_portfolio_id check (length(portfolio_id) between 1 and 256),
    constraint ck_portfolios_content_sha256 check (octet_length(content_sha256) = 32),
    constraint ck_portfolios_object_sha256 check (octet_length(object_sha256) = 32),
    constraint ck_portfolios_object_bytes check (object_bytes >= 0),
    constraint ck_portfolios_positions check (positions >= 0)
)
"""

# What a run refers to, of what is not in its event.
REFERENCES = """
alter table runs add column market_sha256 bytea, add column portfolio_id text, add column portfolio_sha256 bytea,
    add constraint ck_runs_market_sha256 check (octet_length(market_sha256) = 32),
    add constraint ck_runs_portfolio_sha256 check (octet_length(portfolio_sha256) = 32)
"""

NEVER_CHANGES = """
create function never_changes() returns trigger language plpgsql as $body$
begin
    raise exception 'what stands in % never changes: load it under another id', tg_table_name using errcode = '23001';
end
$body$
"""

TENANT_POLICY = """
create policy tenant_reads_own on {table} for select to millrace_tenant
using (client_id = (select current_setting('app.client_id', true)))
"""

TABLES = ("market_snapshots", "portfolios")


def upgrade() -> None:
    op.execute(MARKET_SNAPSHOTS)
    op.execute(PORTFOLIOS)
    op.execute(REFERENCES)
    op.execute(NEVER_CHANGES)
    for table in TABLES:
        op.execute(f"create index ix_{table}_client_id_content_sha256 on {table} (client_id, content_sha256)")
        op.execute(f"create trigger never_changes before update on {table} for each statement execute function never_changes()")
        op.execute(f"alter table {table} enable row level security")
        op.execute(TENANT_POLICY.format(table=table))
        op.execute(f"grant select on {table} to millrace_tenant")


def downgrade() -> None:
    for table in reversed(TABLES):
        op.execute(f"revoke all on {table} from millrace_tenant")
        op.execute(f"drop table {table}")
    op.execute("drop function never_changes()")
    op.execute("alter table runs drop column market_sha256, drop column portfolio_id, drop column portfolio_sha256")
