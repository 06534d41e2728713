"""Generations of runs: `runs` has the one to be read, `run_generations` those in work and those that are past.

Whoever puts a generation in the place of another holds the run's row in `runs`, so of one run one does at a time.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from storage.database import Connection
from storage.runs import COLUMNS, FIELDS, GIVEN, READ_FIELDS, VALUES, RunRow, as_stored, by_column, jsonb, read_row


class Late(NamedTuple):
    """A generation of a run that is asked about when nothing may be left of it; `event_id` is that of the run's event."""

    run_id: UUID
    client_id: str
    generation: int
    event_id: str | None


class RunKey(NamedTuple):
    """Which generation of a run."""

    run_id: UUID
    generation: int


# Uses pk_runs. Sorted before they are locked: whoever holds several took them in this order.
HOLD = f"select {READ_FIELDS} from runs where run_id = any($1::uuid[]) order by run_id for update"  # noqa: S608

# Use pk_run_generations and pk_runs.
ASKED = "unnest($1::uuid[], $2::int[]) as asked (run_id, generation)"
ASIDE = f"select {READ_FIELDS} from run_generations join {ASKED} using (run_id, generation)"  # noqa: S608
EITHER = f"select {READ_FIELDS} from runs join {ASKED} using (run_id, generation) union all {ASIDE}"  # noqa: S608

# Uses pk_run_generations.
ADD = f"""
insert into run_generations ({FIELDS}, retired_at)
select {VALUES}, case when status <> 'planned' then now() end from {GIVEN}
"""  # noqa: S608 - all of them are constants

# Uses pk_runs.
RETIRE = f"""
insert into run_generations ({FIELDS}, retired_at) select {FIELDS}, now() from runs where run_id = any($1::uuid[])
"""  # noqa: S608 - FIELDS is a constant
REPLACE = f"""
insert into runs ({FIELDS}) select {VALUES} from {GIVEN}
on conflict (run_id) do update set ({FIELDS}) = row ({", ".join(f"excluded.{name}" for name in COLUMNS)})
"""  # noqa: S608 - all of them are constants

# All of these use pk_run_generations.
TAKE = "delete from run_generations where run_id = $1 and generation = $2"
END = """
update run_generations set status = $3, totals = $4::text::jsonb, failure_code = $5, failure_message = $6,
    completed_at = $7, retired_at = now()
where run_id = $1 and generation = $2
"""
CANCEL = f"""
update run_generations set status = 'cancelled', completed_at = $3, retired_at = now()
where run_id = $1 and client_id = $2 and status = 'planned'
returning {READ_FIELDS}
"""  # noqa: S608 - READ_FIELDS is a constant
IN_WORK = f"""
select {READ_FIELDS} from run_generations where run_id = $1 and status = 'planned' order by generation desc limit 1
"""  # noqa: S608 - READ_FIELDS is a constant

# Uses pk_runs and pk_run_generations.
NEWEST = """
select run_id, greatest(
    (select generation from runs where runs.run_id = asked.run_id),
    (select max(generation) from run_generations as aside where aside.run_id = asked.run_id)
) as generation
from unnest($1::uuid[]) as asked (run_id)
"""

# Uses pk_runs, pk_run_generations and pk_generations. That a row is left does not mean that all of it is, until it is dropped.
PAST = """
select run_id, generation
from unnest($1::uuid[], $2::text[], $3::int[], $4::text[]) as asked (run_id, client, generation, event)
where exists (
    select from runs
    where runs.run_id = asked.run_id and client_id = client and runs.generation <> asked.generation and (
        runs.generation > asked.generation
        or exists (select from generations where (flow, event_id, generation) = ('runs', event, asked.generation))
    )
) and not exists (
    select from run_generations as aside
    where (aside.run_id, aside.generation) = (asked.run_id, asked.generation) and status = 'planned'
)
"""


async def hold_runs(connection: Connection, run_ids: Collection[UUID]) -> dict[UUID, RunRow]:
    """The rows of those runs that are stored, which are this transaction's from here on."""
    return {row["run_id"]: read_row(row) for row in await connection.fetch(HOLD, list(run_ids))}


async def generations_aside(connection: Connection, keys: Collection[RunKey]) -> dict[RunKey, RunRow]:
    """Those of the generations that are in work, or past."""
    return await _read(connection, ASIDE, keys)


async def stored_generations(connection: Connection, keys: Collection[RunKey]) -> dict[RunKey, RunRow]:
    """Those of the generations that are stored, the one to be read or not."""
    return await _read(connection, EITHER, keys)


async def add_generations(connection: Connection, rows: Sequence[RunRow]) -> None:
    """Stores generations that are not to be read: in work if they are planned, else past."""
    if rows:
        await connection.execute(ADD, *by_column([as_stored(row) for row in rows]))


async def replace_runs(connection: Connection, rows: Sequence[RunRow]) -> None:
    """Puts these generations in the place of those that are read, which are past then. One row a run, which is held."""
    if rows:
        await connection.execute(RETIRE, [row.run_id for row in rows])
        await connection.execute(REPLACE, *by_column([as_stored(row) for row in rows]))


async def take_place(connection: Connection, row: RunRow) -> None:
    """Does so with a generation that was worked on."""
    await connection.execute(TAKE, row.run_id, row.generation)
    await replace_runs(connection, [row])


async def end_generation(connection: Connection, row: RunRow) -> None:
    """Writes the end of a generation in work that is not to be read: status, totals, failure and time."""
    end = (row.status, jsonb(row.totals), row.failure_code, row.failure_message, row.completed_at)
    await connection.execute(END, row.run_id, row.generation, *end)


async def cancel_generations(connection: Connection, run_id: UUID, client_id: str, now: datetime) -> list[RunRow]:
    """Ends all generations of that client's run that are in work, with what they have come to; the newest first."""
    ended = [read_row(row) for row in await connection.fetch(CANCEL, run_id, client_id, now)]
    return sorted(ended, key=lambda row: row.generation, reverse=True)


async def generation_in_work(connection: Connection, run_id: UUID) -> RunRow | None:
    """The newest generation that is worked on beside the one that is read."""
    row = await connection.fetchrow(IN_WORK, run_id)
    return None if row is None else read_row(row)


async def newest_generations(connection: Connection, run_ids: Collection[UUID]) -> dict[UUID, int]:
    """The highest generation of each of the runs that has any."""
    rows = await connection.fetch(NEWEST, list(run_ids))
    return {row["run_id"]: row["generation"] for row in rows if row["generation"] is not None}


async def past_generations(connection: Connection, asked: Collection[Late]) -> set[RunKey]:
    """Those of the generations that were worked on and are no more, as far as can be told once they are dropped.

    They are no longer in work or read, of a run of that client; and older than the one that is read, or allotted to that event.
    """
    columns = [list(column) for column in zip(*asked, strict=True)]
    return {RunKey(*row) for row in map(tuple, await connection.fetch(PAST, *columns))} if asked else set()


async def _read(connection: Connection, query: str, keys: Collection[RunKey]) -> dict[RunKey, RunRow]:
    rows = await connection.fetch(query, [key.run_id for key in keys], [key.generation for key in keys])
    return {RunKey(row["run_id"], row["generation"]): read_row(row) for row in rows}
