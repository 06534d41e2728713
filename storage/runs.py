"""Runs: one row each, under a natural key that is bound to its input."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, NamedTuple, cast
from uuid import UUID

import asyncpg
import orjson

from storage.database import Connection


class RunRow(NamedTuple):
    """One run, in the order of the columns that COPY writes.

    `totals` is {measure: {scenario: sum}}; a number that is not finite is stored as null. `completed_at` is None as
    long as `status` is `planned`, `failure_code` unless it is `failed`. `slices` is 0 for a run that is priced at once.
    `market_sha256` is that of the market's content, `portfolio_sha256` that of a portfolio that the event does not hold.
    The last `tail_days` scenarios are days of the past, from which the risk at `tail_levels` follows.
    """

    run_id: UUID
    client_id: str
    generation: int
    status: str
    valuation_date: date
    reporting_currency: str
    scenario_ids: Sequence[str]
    measures: Sequence[str]
    positions: int
    errors: int
    totals: dict[str, Any]
    failure_code: str | None
    failure_message: str | None
    input_sha256: bytes
    request_sha256: bytes
    pricer_version: str
    snapshot_id: str | None
    source: str
    event_id: str
    correlation_id: str
    started_at: datetime
    completed_at: datetime | None
    slices: int = 0
    slices_done: int = 0
    scenarios: Sequence[dict[str, Any]] = ()
    market_sha256: bytes | None = None
    worker: str | None = None
    group_by: Sequence[str] = ()
    portfolio_id: str | None = None
    portfolio_sha256: bytes | None = None
    tail_days: int = 0
    tail_levels: Sequence[float] = ()


COLUMNS = RunRow._fields
FIELDS = ", ".join(COLUMNS)
# As text, JSON does not depend on what the session makes of jsonb; `read_row` takes it back.
READ_FIELDS = ", ".join(f"{name}::text" if name in {"totals", "scenarios"} else name for name in COLUMNS)
PRIMARY_KEY = "pk_runs"

# Up to so many rows one statement takes less time than COPY within a savepoint, which is four round trips.
FEW_ROWS = 8

# Rows by column. An array cannot hold arrays of several lengths, so $7, $8, $28 and $32 hold each run's as a literal.
VALUES = """
run_id, client_id, generation, status, valuation_date, reporting_currency, scenario_ids::text[],
    measures::text[], positions, errors, totals, failure_code, failure_message, input_sha256, request_sha256, pricer_version,
    snapshot_id, source, event_id, correlation_id, started_at, completed_at, slices, slices_done,
    scenarios, market_sha256, worker, group_by::text[], portfolio_id, portfolio_sha256, tail_days, tail_levels::float8[]
"""
GIVEN = f"""
unnest($1::uuid[], $2::text[], $3::int[], $4::text[], $5::date[], $6::text[], $7::text[], $8::text[], $9::int[],
    $10::int[], $11::jsonb[], $12::text[], $13::text[], $14::bytea[], $15::bytea[], $16::text[], $17::text[],
    $18::text[], $19::text[], $20::text[], $21::timestamptz[], $22::timestamptz[],
    $23::int[], $24::int[], $25::jsonb[], $26::bytea[], $27::text[], $28::text[], $29::text[], $30::bytea[], $31::int[],
    $32::text[]) as new ({FIELDS})
"""

# Uses pk_runs.
INSERT_THE_NEW = f"""
insert into runs ({FIELDS}) select {VALUES} from {GIVEN}
on conflict (run_id) do nothing
returning run_id
"""  # noqa: S608 - all of them are constants

# Uses pk_runs.
STORED = f"select {READ_FIELDS} from runs where run_id = any($1::uuid[])"  # noqa: S608


async def insert_runs(connection: Connection, rows: Sequence[RunRow]) -> dict[UUID, RunRow]:
    """Inserts the runs whose ids are new; returns what is stored under the ids that are not, for the caller to compare.

    Waits for other transactions that insert one of these ids. Raises ValueError when an id comes twice: the second
    would be lost.
    """
    ordered = sorted(rows, key=lambda row: row.run_id)
    if len({row.run_id for row in ordered}) < len(ordered):
        raise ValueError("one run_id stands in two rows of the same insert")
    stored = [as_stored(row) for row in ordered]
    if len(stored) <= FEW_ROWS:
        return await _insert_the_new(connection, stored) if stored else {}
    try:
        # Of many rows COPY takes less time than the other way; the savepoint keeps the caller's transaction alive.
        async with connection.transaction():
            await connection.copy_records_to_table("runs", records=stored, columns=COLUMNS)
    except asyncpg.UniqueViolationError as error:
        if error.constraint_name != PRIMARY_KEY:
            raise
        return await _insert_the_new(connection, stored)
    return {}


async def stored_runs(connection: Connection, run_ids: Sequence[UUID]) -> dict[UUID, RunRow]:
    """The runs of those ids that are stored."""
    return {row["run_id"]: read_row(row) for row in await connection.fetch(STORED, run_ids)}


def read_row(found: Sequence[Any]) -> RunRow:
    """The run that a row of READ_FIELDS tells."""
    row = RunRow(*found)
    totals, scenarios = orjson.loads(cast("str", row.totals)), orjson.loads(cast("str", row.scenarios))
    return row._replace(totals=totals, scenarios=tuple(scenarios), group_by=tuple(row.group_by))


async def read_run(connection: Connection, run_id: UUID) -> RunRow | None:
    """The run, or None when it is not stored or not visible in this session."""
    return (await stored_runs(connection, [run_id])).get(run_id)


async def _insert_the_new(connection: Connection, rows: Sequence[RunRow]) -> dict[UUID, RunRow]:
    new = {row["run_id"] for row in await connection.fetch(INSERT_THE_NEW, *by_column(rows))}
    known = [row.run_id for row in rows if row.run_id not in new]
    return await stored_runs(connection, known) if known else {}


def as_stored(row: RunRow) -> RunRow:
    """The row with its JSON as text, as it is written."""
    return row._replace(totals=jsonb(row.totals), scenarios=jsonb(row.scenarios))


def by_column(rows: Sequence[RunRow]) -> list[list[Any]]:
    """What GIVEN is given for rows that are `as_stored`."""
    columns: list[list[Any]] = [list(column) for column in zip(*rows, strict=True)]
    for name in ("scenario_ids", "measures", "group_by", "tail_levels"):
        place = COLUMNS.index(name)
        columns[place] = [_array_literal(list(map(str, values))) for values in columns[place]]
    return columns


def jsonb(content: Any) -> Any:
    """What a jsonb column is given; numbers that are not finite become null."""
    return orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS).decode()


def _array_literal(texts: Sequence[str]) -> str:
    quoted = (text.replace("\\", "\\\\").replace('"', '\\"') for text in texts)
    return "{" + ",".join(f'"{text}"' for text in quoted) + "}"
