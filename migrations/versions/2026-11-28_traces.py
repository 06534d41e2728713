"""Traces: what a run was priced under, and by whom."""

from __future__ import annotations

from alembic import op

revision = "b1f6d3a8c205"
down_revision = "7c1e5a90d3f4"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
    alter table runs add column scenarios jsonb not null default '[]', add column worker text
    """)


def downgrade() -> None:
    op.execute("alter table runs drop column worker, drop column scenarios")
