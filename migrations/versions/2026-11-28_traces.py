"""Traces: what a run was priced under, and by whom."""

from __future__ import annotations

from alembic import op

revision = "b1f6d3a8c205"
down_revision = "7c1e5a90d3f4"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
    alter table runs add column scenarios jsonb not null default '[]', add column market_sha256 bytea, add column worker text,
        add constraint ck_runs_market_sha256 check (octet_length(market_sha256) = 32)
    """)


def downgrade() -> None:
    op.execute("alter table runs drop column worker, drop column market_sha256, drop column scenarios")
