"""Generations: who may have an event worked on again, and how often it was."""

from __future__ import annotations

from alembic import op

revision = "e8b7315d9f40"
down_revision = "c52a60f8e917"
branch_labels = None
depends_on = None

GENERATIONS = """
create table generations (
    flow text not null,
    source text not null,
    event_id text not null,
    generation integer not null,
    replay_id text not null,
    dead_letter_id uuid,
    requested_by text not null,
    requested_at timestamptz not null default now(),
    constraint pk_generations primary key (flow, source, event_id, generation),
    constraint ck_generations_source check (length(source) between 1 and 256),
    constraint ck_generations_event_id check (length(event_id) between 1 and 256),
    constraint ck_generations_generation check (generation >= 1)
)
"""


def upgrade() -> None:
    op.execute(GENERATIONS)


def downgrade() -> None:
    op.execute("drop table generations")
