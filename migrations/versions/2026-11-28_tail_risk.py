"""Tail risk: which scenarios of a run are days of the past, and the levels that are asked of them."""

from __future__ import annotations

from alembic import op

revision = "b80f3c27a6d1"
down_revision = "7c1e5a90d3f4"
branch_labels = None
depends_on = None

DAYS = """
alter table runs add column tail_days integer not null default 0,
    add column tail_levels double precision[] not null default '{}'::float8[],
    add constraint ck_runs_tail_days check (tail_days between 0 and cardinality(scenario_ids))
"""


def upgrade() -> None:
    """Two columns."""
    op.execute(DAYS)


def downgrade() -> None:
    """Back to runs without."""
    op.execute("alter table runs drop column tail_days, drop column tail_levels")
