from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import asyncpg
import pytest

from storage.database import Database
from storage.runs import FEW_ROWS, RunRow, insert_runs, read_run, stored_runs

MakeRun = Callable[..., RunRow]


@pytest.fixture(autouse=True, params=[0, FEW_ROWS], ids=["copy", "insert"])
def _ways(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Few rows by either of the two ways in which rows are written."""
    monkeypatch.setattr("storage.runs.FEW_ROWS", request.param)


async def test_new_runs_are_stored_as_they_were_given(database: Database, make_run: MakeRun) -> None:
    runs = [
        make_run(),
        make_run(scenario_ids=['say "up"', "back\\slash", "{a,b}", "Ünïcode", "null", ""], measures=["PV", "KRD"]),
        make_run(status="failed", failure_code="market_unreadable", failure_message="no curve", totals={}, snapshot_id=None),
        make_run(status="planned", completed_at=None),
        make_run(status="partial", errors=3),
        make_run(tail_days=1, tail_levels=[0.95, 0.999999]),
        make_run(market_sha256=b"m" * 32, portfolio_id="desk", portfolio_sha256=b"p" * 32),
    ]

    async with database.transaction() as connection:
        stored = await insert_runs(connection, runs)

    assert stored == {}
    async with database.connection() as connection:
        assert await stored_runs(connection, [run.run_id for run in runs]) == {run.run_id: run for run in runs}


async def test_runs_that_are_there_are_left_alone_and_told_and_the_new_among_them_stored(
    database: Database, make_run: MakeRun
) -> None:
    first = make_run(scenario_ids=["base"])
    other = first._replace(input_sha256=b"o" * 32, client_id="rival", event_id="e2")
    new = [
        make_run(scenario_ids=["a,b", 'q"', "\\"], measures=[]),
        make_run(
            totals={"PV": {"x": 1e300}}, portfolio_id="desk", portfolio_sha256=b"p" * 32, tail_days=2, tail_levels=[1 / 3]
        ),
    ]
    async with database.transaction() as connection:
        await insert_runs(connection, [first])

    async with database.transaction() as connection:
        stored = await insert_runs(connection, [new[0], other, new[1]])

    assert stored == {first.run_id: first}
    async with database.connection() as connection:
        assert await read_run(connection, first.run_id) == first
        assert await stored_runs(connection, [run.run_id for run in new]) == {run.run_id: run for run in new}


async def test_what_the_transaction_did_before_outlives_a_run_that_is_there(database: Database, make_run: MakeRun) -> None:
    first, before = make_run(), make_run()
    async with database.transaction() as connection:
        await insert_runs(connection, [first])

    async with database.transaction() as connection:
        await insert_runs(connection, [before])
        await insert_runs(connection, [first])

    async with database.connection() as connection:
        assert await read_run(connection, before.run_id) == before


async def test_of_two_transactions_with_one_run_the_second_waits_and_is_told_of_the_first(
    database: Database, make_run: MakeRun
) -> None:
    runs = [make_run() for _ in range(FEW_ROWS)]

    async def insert(event_id: str) -> dict[Any, RunRow]:
        async with database.transaction() as connection:
            stored = await insert_runs(connection, [run._replace(event_id=event_id) for run in runs])
            await asyncio.sleep(0.1)
            return stored

    outcomes = await asyncio.gather(insert("a"), insert("b"), insert("c"))

    assert sorted(len(stored) for stored in outcomes) == [0, FEW_ROWS, FEW_ROWS]
    assert len({run.event_id for stored in outcomes for run in stored.values()}) == 1


async def test_one_run_twice_in_an_insert_is_an_error_of_the_caller(database: Database, make_run: MakeRun) -> None:
    run = make_run()

    async with database.transaction() as connection:
        with pytest.raises(ValueError, match="two rows"):
            await insert_runs(connection, [run, run])


async def test_no_runs_at_all_are_inserted_without_complaint(database: Database) -> None:
    async with database.transaction() as connection:
        assert await insert_runs(connection, []) == {}


async def test_a_total_that_is_not_finite_is_stored_as_null(database: Database, make_run: MakeRun) -> None:
    run = make_run(totals={"PV": {"base": float("nan"), "up100": float("inf")}})

    async with database.transaction() as connection:
        await insert_runs(connection, [run])
        stored = await read_run(connection, run.run_id)

    assert stored is not None
    assert stored.totals == {"PV": {"base": None, "up100": None}}


async def test_an_unknown_run_is_none(database: Database, make_run: MakeRun) -> None:
    async with database.connection() as connection:
        assert await read_run(connection, make_run().run_id) is None


@pytest.mark.parametrize(
    ("column", "value", "constraint"),
    [
        ("status", "done", "ck_runs_status"),
        ("input_sha256", b"short", "ck_runs_input_sha256"),
        ("generation", -1, "ck_runs_generation"),
        ("client_id", "", "ck_runs_client_id"),
        ("client_id", "c" * 65, "ck_runs_client_id"),
        ("source", "", "ck_runs_source"),
        ("event_id", "e" * 257, "ck_runs_event_id"),
        ("reporting_currency", "US", "ck_runs_reporting_currency"),
        ("errors", -1, "ck_runs_errors"),
        ("positions", -1, "ck_runs_positions"),
        ("completed_at", None, "ck_runs_finished"),
        ("failure_code", "internal", "ck_runs_failure"),
        ("status", "partial", "ck_runs_partial"),
        ("tail_days", 3, "ck_runs_tail_days"),
    ],
)
async def test_a_run_that_contradicts_itself_is_refused(
    database: Database, make_run: MakeRun, column: str, value: object, constraint: str
) -> None:
    async with database.transaction() as connection:
        with pytest.raises(asyncpg.CheckViolationError) as caught:
            await insert_runs(connection, [make_run(**{column: value})])
    assert caught.value.constraint_name == constraint


async def test_totals_are_numbers_for_whoever_reads_the_table(database: Database, make_run: MakeRun) -> None:
    run = make_run(totals={"PV": {"base": 0.1}})

    async with database.transaction() as connection:
        await insert_runs(connection, [run])
        total = await connection.fetchval("select (totals -> 'PV' ->> 'base')::numeric from runs")

    assert total == Decimal("0.1")
