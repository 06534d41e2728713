"""Plans of large runs: what was asked, the slices it is priced in, and the count of those that have ended.

A slice ends once, whoever ends it; the last one to be counted finishes its run.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from storage.database import Connection
from storage.runs import READ_FIELDS, RunRow, jsonb, read_row


class PlanRow(NamedTuple):
    """What was asked of a run, in the order of the columns that COPY writes; see the model."""

    run_id: UUID
    generation: int
    client_id: str
    request: bytes
    positions_uri: str | None
    market_sha256: bytes | None
    subject: str
    traceparent: str | None


class SliceRow(NamedTuple):
    """A slice that is to be priced, in the order of the columns that COPY writes; see the model."""

    run_id: UUID
    generation: int
    slice_no: int
    client_id: str
    first_row: int
    positions: int
    byte_ranges: Sequence[int]
    bytes_sha256: bytes | None


class SliceKey(NamedTuple):
    """Which slice of which generation of a run."""

    run_id: UUID
    generation: int
    slice_no: int


class PlannedSlice(NamedTuple):
    """A slice with what its work needs of its run's plan. `is_due`: it has not ended, and its generation is in work."""

    key: SliceKey
    is_due: bool
    client_id: str
    first_row: int
    positions: int
    byte_ranges: Sequence[int]
    bytes_sha256: bytes | None
    request: bytes
    positions_uri: str | None
    market_sha256: bytes | None
    input_sha256: bytes


class SliceEnd(NamedTuple):
    """How a slice ended: `done`, or `failed` with a code and a message. `totals` as in `RunRow`, `groups` any JSON.

    `errors` is None where every row has one. `groups` and `group_sums` are for who adds up the slices' totals.
    """

    key: SliceKey
    status: str
    errors: int | None
    totals: dict[str, Any]
    groups: dict[str, Any]
    group_sums: bytes
    failure_code: str | None
    failure_message: str | None
    worker: str
    pricer_version: str
    started_at: datetime
    finished_at: datetime


class Counted(NamedTuple):
    """A generation of a run as it is once slices of it are counted; `is_aside`: it is not, or not yet, the one to be read."""

    run: RunRow
    is_aside: bool


class Ended(NamedTuple):
    """A slice that was ended: where its positions stand, and how many of its rows have an error."""

    first_row: int
    positions: int
    errors: int


class FailedSlices(NamedTuple):
    """How many slices of a generation failed, and the number of the first of them, with its code and message."""

    slices: int
    first: int
    code: str
    message: str


# Uses pk_run_slices, pk_run_plans, pk_runs and pk_run_generations.
PLANNED = """
select run_id, generation, slice_no, slice.status = 'planned' and run.status = 'planned' as is_due, slice.client_id,
    first_row, slice.positions, byte_ranges, bytes_sha256, request, positions_uri, plan.market_sha256, run.input_sha256
from unnest($1::uuid[], $2::int[], $3::int[]) as asked (run_id, generation, slice_no)
join run_slices as slice using (run_id, generation, slice_no)
join run_plans as plan using (run_id, generation)
join lateral (
    select status, input_sha256 from runs where (run_id, generation) = (plan.run_id, plan.generation)
    union all
    select status, input_sha256 from run_generations where (run_id, generation) = (plan.run_id, plan.generation)
) as run on true
"""

# Uses pk_run_slices, pk_runs and pk_run_generations. Who comes second waits here for the first, and finds the slice ended.
END = """
update run_slices as slice
set status = $4, errors = coalesce($5, slice.positions * run.measures), totals = $6::text::jsonb,
    groups = $7::text::jsonb, group_sums = $8, failure_code = $9, failure_message = $10, worker = $11,
    pricer_version = $12, started_at = $13, finished_at = $14
from (
    select cardinality(measures) as measures from runs where run_id = $1 and generation = $2 and status = 'planned'
    union all
    select cardinality(measures) from run_generations where run_id = $1 and generation = $2 and status = 'planned'
) as run
where slice.run_id = $1 and slice.generation = $2 and slice_no = $3 and slice.status = 'planned'
returning slice.first_row, slice.positions, slice.errors
"""

# Uses pk_runs and pk_run_generations. Whoever counts last waits here for those before, and sees what they counted.
COUNT = f"""
with to_be_read as (
    update runs set slices_done = slices_done + $3, positions = positions + $4, errors = errors + $5
    where run_id = $1 and generation = $2 and status = 'planned'
    returning {READ_FIELDS}
), aside as (
    update run_generations set slices_done = slices_done + $3, positions = positions + $4, errors = errors + $5
    where run_id = $1 and generation = $2 and status = 'planned'
    returning {READ_FIELDS}
)
select *, false as is_aside from to_be_read union all select *, true from aside
"""  # noqa: S608 - READ_FIELDS is a constant

# Uses pk_run_slices.
FAILED = """
select count(*) over () as slices, slice_no as first, failure_code as code, failure_message as message from run_slices
where run_id = $1 and generation = $2 and status = 'failed'
order by slice_no limit 1
"""

# Uses pk_runs.
FINISH = "update runs set status = $3, totals = $4::text::jsonb, completed_at = $5 where run_id = $1 and generation = $2"

# Uses pk_runs. Waits for a slice that is being counted, and is waited for by those that come after.
CANCEL = f"""
update runs set status = 'cancelled', completed_at = $3 where run_id = $1 and client_id = $2 and status = 'planned'
returning {READ_FIELDS}
"""  # noqa: S608 - READ_FIELDS is a constant

# Uses pk_run_plans.
PLAN = """
select run_id, generation, client_id, ''::bytea as request, positions_uri, market_sha256, subject, traceparent
from run_plans where run_id = $1 and generation = $2
"""


async def add_plans(connection: Connection, plans: Sequence[PlanRow], slices: Sequence[SliceRow]) -> None:
    """Stores the plans of runs that are new, with all of their slices."""
    await connection.copy_records_to_table("run_plans", records=plans, columns=PlanRow._fields)
    await connection.copy_records_to_table("run_slices", records=slices, columns=SliceRow._fields)


async def planned_slices(connection: Connection, keys: Collection[SliceKey]) -> dict[SliceKey, PlannedSlice]:
    """Those of the slices that a plan has."""
    columns = [list(column) for column in zip(*keys, strict=True)]
    rows = [(SliceKey(*row[:3]), *row[3:]) for row in map(tuple, await connection.fetch(PLANNED, *columns))]
    return {row[0]: PlannedSlice(*row) for row in rows}


async def end_slices(connection: Connection, ends: Collection[SliceEnd]) -> dict[SliceKey, Ended]:
    """Writes how slices ended; returns those that had not, and whose generation is in work.

    Waits for other transactions that end one of them.
    """
    ended: dict[SliceKey, Ended] = {}
    for key, status, errors, totals, groups, *rest in sorted(ends, key=lambda end: end.key):
        row = await connection.fetchrow(END, *key, status, errors, jsonb(totals), jsonb(groups), *rest)
        if row is not None:
            ended[key] = Ended(*row)
    return ended


async def count_slices(connection: Connection, ended: Mapping[SliceKey, Ended]) -> list[Counted]:
    """Counts ended slices, in the order of run_ids; the runs as they are then, but for those that were cancelled meanwhile.

    Comes last of what a transaction writes: all slices of a run wait for one another here.
    """
    counts: defaultdict[tuple[UUID, int], list[Ended]] = defaultdict(list)
    for key, each in ended.items():
        counts[key.run_id, key.generation].append(each)
    rows = []
    for run, slices in sorted(counts.items()):
        sums = sum(each.positions for each in slices), sum(each.errors for each in slices)
        rows.append(await connection.fetchrow(COUNT, *run, len(slices), *sums))
    return [Counted(read_row(row[:-1]), row[-1]) for row in map(tuple, filter(None, rows))]


async def failed_slices(connection: Connection, run: RunRow) -> FailedSlices | None:
    """Those of a generation of a run; None where none has failed."""
    row = await connection.fetchrow(FAILED, run.run_id, run.generation)
    return None if row is None else FailedSlices(*row)


async def finish_run(connection: Connection, run: RunRow) -> None:
    """Writes the end of a run that is the one to be read, and whose slices this transaction has counted."""
    await connection.execute(FINISH, run.run_id, run.generation, run.status, jsonb(run.totals), run.completed_at)


async def cancel_run(connection: Connection, run_id: UUID, client_id: str, now: datetime) -> RunRow | None:
    """Ends a run of that client that is planned, with what it has come to; None where there is none."""
    row = await connection.fetchrow(CANCEL, run_id, client_id, now)
    return None if row is None else read_row(row)


async def read_plan(connection: Connection, run_id: UUID, generation: int) -> PlanRow:
    """The plan of a run that has one, without its request."""
    return PlanRow(*await connection.fetchrow(PLAN, run_id, generation))
