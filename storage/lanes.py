"""Whether lanes run: one row for each flow that was ever stopped. Other workers see it, and so does one that starts later."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from storage.database import Connection


class LaneState(NamedTuple):
    """One flow's row.

    `epoch` counts how often it was resumed. `cause` is `failures` or `retention`; `failed` of `finished` outcomes, and the
    last failures' `codes`, belong to the former. Times are the database's.
    """

    flow: str
    status: str = "running"
    epoch: int = 0
    cause: str | None = None
    reason: str | None = None
    failed: int | None = None
    finished: int | None = None
    codes: tuple[str, ...] = ()
    stopped_at: datetime | None = None
    stopped_by: str | None = None
    resumed_at: datetime | None = None
    resumed_by: str | None = None

    @property
    def is_stopped(self) -> bool:
        return self.status == "stopped"


class Stop(NamedTuple):
    """What stops a lane: decided by `worker` from what it has seen since the lane was resumed for the `epoch`-th time."""

    flow: str
    epoch: int
    cause: str
    reason: str
    failed: int | None
    finished: int | None
    codes: tuple[str, ...]
    worker: str


# Uses pk_lanes. Of several workers the first one stops it; what was decided before a resume no longer counts.
STOP = """
insert into lanes as known (flow, status, epoch, cause, reason, failed, finished, codes, stopped_at, stopped_by)
values ($1, 'stopped', $2, $3, $4, $5, $6, $7::text[], now(), $8)
on conflict (flow) do update set status = 'stopped', cause = excluded.cause, reason = excluded.reason,
    failed = excluded.failed, finished = excluded.finished, codes = excluded.codes,
    stopped_at = excluded.stopped_at, stopped_by = excluded.stopped_by
where known.status = 'running' and known.epoch = excluded.epoch
"""

# Uses pk_lanes.
RESUME = """
update lanes set status = 'running', epoch = epoch + 1, resumed_at = now(), resumed_by = $2
where flow = $1 and status = 'stopped'
"""

# The table has a row a flow, so all of it is read.
STATES = f"select {', '.join(LaneState._fields)} from lanes order by flow"  # noqa: S608 - the names are ours


async def stop(connection: Connection, wanted: Stop) -> None:
    """Stops a lane for all workers, unless it is stopped already or has been resumed since the decision."""
    await connection.execute(STOP, *wanted._replace(codes=list(wanted.codes)))  # type: ignore[arg-type]


async def resume(connection: Connection, flow: str, by: str) -> bool:
    """Lets a stopped lane go on; whether it was stopped."""
    told: str = await connection.execute(RESUME, flow, by)
    return told == "UPDATE 1"


async def states(connection: Connection) -> dict[str, LaneState]:
    """The state of each flow that was ever stopped."""
    rows: Sequence[dict[str, object]] = await connection.fetch(STATES)
    found = [LaneState(**dict(row) | {"codes": tuple(row["codes"])}) for row in rows]  # type: ignore[arg-type]
    return {state.flow: state for state in found}
