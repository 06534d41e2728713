"""Starts: where workers began with a partition; and how often a retry was alone in the hand of one that died."""

from __future__ import annotations

from alembic import op

revision = "a94f0c27b6d1"
down_revision = "e8b7315d9f40"
branch_labels = None
depends_on = None

STARTS = """
create table starts (
    flow text not null,
    topic text not null,
    partition integer not null,
    "offset" bigint not null,
    starts integer not null,
    reach bigint,
    in_hand bigint,
    deaths integer not null default 0,
    decoded boolean not null default false,
    owner uuid,
    started_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint pk_starts primary key (flow, topic, partition),
    constraint ck_starts_offset check ("offset" >= 0),
    constraint ck_starts_starts check (starts >= 0),
    constraint ck_starts_deaths check (deaths >= 0)
)
"""
DEATHS = """
alter table retries add column deaths integer not null default 0, add constraint ck_retries_deaths check (deaths >= 0)
"""


def upgrade() -> None:
    op.execute(STARTS)
    op.execute(DEATHS)


def downgrade() -> None:
    op.execute("alter table retries drop column deaths")
    op.execute("drop table starts")
