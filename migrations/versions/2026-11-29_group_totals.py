"""The group totals of a slice as numbers in bytes: whoever ends a run reads those of all its slices."""

from __future__ import annotations

import json
import struct
from itertools import chain
from typing import Any

from alembic import op
from sqlalchemy import text

revision = "c81f4b6d92e0"
down_revision = "a6d20e81f35b"
branch_labels = None
depends_on = None

GROUPED = "select run_id, generation, slice_no from run_slices where groups <> '{}'"
ONE = "run_id = :run_id and generation = :generation and slice_no = :slice_no"
READ = f"""
select groups::text as groups, group_sums, (
    select cardinality(scenario_ids) from runs where (runs.run_id, runs.generation) = (slice.run_id, slice.generation)
    union all
    select cardinality(scenario_ids) from run_generations as run
    where (run.run_id, run.generation) = (slice.run_id, slice.generation)
) as scenarios
from run_slices as slice where {ONE}
"""  # noqa: S608 - ONE is a constant
WRITE = f"update run_slices set groups = cast(:groups as jsonb), group_sums = :sums where {ONE}"  # noqa: S608


def upgrade() -> None:
    op.execute("alter table run_slices rename column group_totals to groups")
    op.execute("alter table run_slices add column group_sums bytea not null default ''")
    # Doubles do not get smaller, and take long to be compressed.
    op.execute("alter table run_slices alter column group_sums set storage external")
    bind = op.get_bind()
    for key in bind.execute(text(GROUPED)).mappings().all():
        plain = json.loads(bind.execute(text(READ), key).scalar_one())
        bind.execute(text(WRITE), {**key, **_packed(plain)})


def downgrade() -> None:
    bind = op.get_bind()
    for key in bind.execute(text(GROUPED)).mappings().all():
        groups, sums, scenarios = bind.execute(text(READ), key).one()
        plain = _plain(json.loads(groups), sums, scenarios)
        bind.execute(text(WRITE), {**key, "groups": json.dumps(plain), "sums": b""})
    op.execute("alter table run_slices drop column group_sums")
    op.execute("alter table run_slices rename column groups to group_totals")


def _packed(plain: dict[str, Any]) -> dict[str, Any]:
    rows = chain.from_iterable(plain["sums"].values())
    numbers = [float("nan") if number is None else number for number in chain.from_iterable(rows)]
    groups = {"values": plain["values"], "measures": list(plain["sums"])}
    return {"groups": json.dumps(groups), "sums": struct.pack(f"<{len(numbers)}d", *numbers)}


def _plain(groups: dict[str, Any], sums: bytes, scenarios: int) -> dict[str, Any]:
    numbers = [number if abs(number) < float("inf") else None for number in struct.unpack(f"<{len(sums) // 8}d", sums)]
    rows = iter([numbers[first : first + scenarios] for first in range(0, len(numbers), scenarios)])
    return {
        "values": groups["values"],
        "sums": {measure: [next(rows) for _ in groups["values"]] for measure in groups["measures"]},
    }
