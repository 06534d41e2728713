"""How far runs are, for whoever reads with SQL: with an estimate of the time that is left."""

from __future__ import annotations

from alembic import op

revision = "c41f7d0b92e6"
down_revision = "c81f4b6d92e0"
branch_labels = None
depends_on = None

# The slices that are left take as long as those that are done took, as the command line has it. By the clock, not by the
# beginning of the transaction, so that whoever stays in one sees time pass.
RUN_PROGRESS = """
create view run_progress with (security_invoker = true) as
select run_id, client_id, generation, status, slices, slices_done, positions, errors, started_at,
    case
        when status <> 'planned' then 0.0
        when slices_done > 0 then
            greatest(0.0, extract(epoch from clock_timestamp() - started_at)::float8) / slices_done * (slices - slices_done)
    end as seconds_left
from (
    select run_id, client_id, generation, status, slices, slices_done, positions, errors, started_at from runs
    union all
    select run_id, client_id, generation, status, slices, slices_done, positions, errors, started_at from run_generations
    where status = 'planned'
) as run
"""


def upgrade() -> None:
    op.execute(RUN_PROGRESS)
    op.execute("grant select on run_progress to millrace_tenant")


def downgrade() -> None:
    op.execute("revoke all on run_progress from millrace_tenant")
    op.execute("drop view run_progress")
