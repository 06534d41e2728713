"""Lanes: which flows are stopped, for all workers, until a person resumes them."""

from __future__ import annotations

from alembic import op

revision = "b4c1f7a92d36"
down_revision = "4b9f2c61d7a8"
branch_labels = None
depends_on = None

LANES = """
create table lanes (
    flow text not null,
    status text not null,
    epoch bigint not null default 0,
    cause text,
    reason text,
    failed integer,
    finished integer,
    codes text[] not null default '{}',
    stopped_at timestamptz,
    stopped_by text,
    resumed_at timestamptz,
    resumed_by text,
    constraint pk_lanes primary key (flow),
    constraint ck_lanes_status check (status in ('running', 'stopped')),
    constraint ck_lanes_cause check (cause in ('failures', 'retention'))
)
"""


def upgrade() -> None:
    op.execute(LANES)


def downgrade() -> None:
    op.execute("drop table lanes")
