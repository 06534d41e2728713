"""Replays: what is published once more, for whom, and how far that has come."""

from __future__ import annotations

from alembic import op

revision = "4b9f2c61d7a8"
down_revision = "a94f0c27b6d1"
branch_labels = None
depends_on = None

REPLAYS = """
create table replays (
    id uuid not null default uuidv7(),
    flow text not null,
    topic text not null,
    mode text not null default 'redeliver',
    selection jsonb not null,
    prediction jsonb not null,
    status text not null default 'planned',
    rate double precision,
    requested_by text not null,
    created_at timestamptz not null default now(),
    started_at timestamptz,
    finished_at timestamptz,
    owner uuid,
    applied_by text,
    claimed_until timestamptz,
    history jsonb not null default '[]',
    constraint pk_replays primary key (id),
    constraint ck_replays_mode check (mode in ('redeliver')),
    constraint ck_replays_status check (status in ('planned', 'applying', 'paused', 'applied', 'aborted')),
    constraint ck_replays_rate check (rate > 0)
)
"""

PARTITIONS = """
create table replay_partitions (
    replay_id uuid not null,
    partition integer not null,
    first_offset bigint not null,
    end_offset bigint not null,
    next_offset bigint not null,
    published bigint not null default 0,
    skipped bigint not null default 0,
    refused bigint not null default 0,
    constraint pk_replay_partitions primary key (replay_id, partition),
    constraint fk_replay_partitions_replay_id_replays foreign key (replay_id) references replays (id) on delete cascade,
    constraint ck_replay_partitions_next_offset check (first_offset <= next_offset and next_offset <= end_offset),
    constraint ck_replay_partitions_first_offset check (first_offset >= 0),
    constraint ck_replay_partitions_published check (published >= 0),
    constraint ck_replay_partitions_skipped check (skipped >= 0),
    constraint ck_replay_partitions_refused check (refused >= 0)
)
"""


def upgrade() -> None:
    op.execute(REPLAYS)
    op.execute(PARTITIONS)


def downgrade() -> None:
    op.execute("drop table replay_partitions")
    op.execute("drop table replays")
