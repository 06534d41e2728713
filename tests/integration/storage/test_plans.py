from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from storage.database import Database
from storage.plans import (
    Ended,
    PlanRow,
    SliceEnd,
    SliceKey,
    SliceRow,
    add_plans,
    count_slices,
    end_slices,
    finish_run,
    planned_slices,
    read_plan,
)
from storage.runs import RunRow, insert_runs, read_run
from storage.totals import slice_totals

MakeRun = Callable[..., RunRow]
NOW = datetime(2026, 11, 20, 10, 0, 2, tzinfo=UTC)
SLICES = 12


@pytest.fixture
async def planned(database: Database, make_run: MakeRun) -> RunRow:
    """A run planned in slices of five positions."""
    run = make_run(status="planned", completed_at=None, positions=0, totals={}, slices=SLICES, generation=1)
    async with database.transaction() as connection:
        await insert_runs(connection, [run])
        plan = PlanRow(run.run_id, 1, "acme", b"{}", "books/b.csv", b"m" * 32, "subject", None)
        slices = [SliceRow(run.run_id, 1, number, "acme", 5 * number, 5, [0, 7, 9, 20], b"s" * 32) for number in range(SLICES)]
        await add_plans(connection, [plan], slices)
    return run


def end(run: RunRow, number: int, **changes: Any) -> SliceEnd:
    totals = {"PV": {"base": float(number), "up100": None}}
    done = SliceEnd(
        SliceKey(run.run_id, run.generation, number),
        "done",
        1,
        totals,
        {"n": number},
        bytes([number]),
        None,
        None,
        "w",
        "1",
        NOW,
        NOW,
    )
    return done._replace(**changes)


async def test_a_slice_is_read_with_what_its_work_needs(database: Database, planned: RunRow) -> None:
    key, unknown = SliceKey(planned.run_id, 1, 3), SliceKey(planned.run_id, 0, 3)
    async with database.connection() as connection:
        found = await planned_slices(connection, [key, unknown])
        plan = await read_plan(connection, planned.run_id, 1)
    assert found.keys() == {key}
    read = found[key]
    assert (read.is_due, read.client_id, read.first_row, read.positions) == (True, "acme", 15, 5)
    assert (read.byte_ranges, read.bytes_sha256, read.request) == ([0, 7, 9, 20], b"s" * 32, b"{}")
    assert (read.positions_uri, read.market_sha256, read.input_sha256) == ("books/b.csv", b"m" * 32, planned.input_sha256)
    assert (plan.subject, plan.traceparent, plan.request) == ("subject", None, b"")


async def test_of_slices_that_end_side_by_side_one_is_the_last(database: Database, planned: RunRow) -> None:
    async def one(number: int) -> int:
        async with database.transaction() as connection:
            ended = await end_slices(connection, [end(planned, number)])
            [(run, _)] = await count_slices(connection, ended)
            await asyncio.sleep(0.002)
            return run.slices_done

    assert sorted(await asyncio.gather(*map(one, range(SLICES)))) == list(range(1, SLICES + 1))
    async with database.connection() as connection:
        run = await read_run(connection, planned.run_id)
    assert run is not None
    assert (run.slices_done, run.positions, run.errors, run.status) == (SLICES, 5 * SLICES, SLICES, "planned")


async def test_a_slice_that_two_end_at_once_is_ended_once(database: Database, planned: RunRow) -> None:
    async def one() -> int:
        async with database.transaction() as connection:
            ended = await end_slices(connection, [end(planned, 3), end(planned, 4)])
            await asyncio.sleep(0.05)
            await count_slices(connection, ended)
            return len(ended)

    assert sorted(await asyncio.gather(one(), one(), one())) == [0, 0, 2]
    async with database.connection() as connection:
        run = await read_run(connection, planned.run_id)
        found = await planned_slices(connection, [SliceKey(planned.run_id, 1, number) for number in (2, 3)])
    assert run is not None
    assert run.slices_done == 2
    assert {key.slice_no: each.is_due for key, each in found.items()} == {2: True, 3: False}


async def test_a_slice_that_failed_has_as_many_errors_as_rows(database: Database, planned: RunRow) -> None:
    failed = end(planned, 0, status="failed", errors=None, totals={}, failure_code="internal", failure_message="why")
    async with database.transaction() as connection:
        assert await end_slices(connection, [failed]) == {failed.key: Ended(0, 5, 5 * len(planned.measures))}


@pytest.mark.parametrize("status", ["cancelled", "completed"])
async def test_no_slice_of_a_run_that_has_ended_is_ended_or_counted(database: Database, planned: RunRow, status: str) -> None:
    async with database.transaction() as connection:
        await finish_run(connection, planned._replace(status=status, completed_at=NOW))
        assert await end_slices(connection, [end(planned, 0)]) == {}
        assert await count_slices(connection, {SliceKey(planned.run_id, 1, 0): Ended(0, 5, 0)}) == []
        found = await planned_slices(connection, [SliceKey(planned.run_id, 1, 0)])
    assert [each.is_due for each in found.values()] == [False]


async def test_a_slice_of_another_generation_counts_for_nothing(database: Database, planned: RunRow) -> None:
    async with database.transaction() as connection:
        assert await end_slices(connection, [end(planned, 0, key=SliceKey(planned.run_id, 0, 0))]) == {}


async def test_totals_come_in_the_order_of_the_slices(database: Database, planned: RunRow) -> None:
    async with database.transaction() as connection:
        await end_slices(connection, [end(planned, number) for number in (7, 2, 11, 0)])
        totals = [each async for each in slice_totals(connection, planned)]
    told = [(orjson.loads(each.totals), orjson.loads(each.groups), each.group_sums) for each in totals]
    found = [(totals["PV"]["base"], groups["n"], sums) for totals, groups, sums in told if totals]
    assert found == [(0, 0, b"\0"), (2, 2, b"\2"), (7, 7, b"\7"), (11, 11, b"\x0b")]
    assert len(totals) == SLICES


async def test_the_end_of_a_run_is_written_as_it_is_told(database: Database, planned: RunRow) -> None:
    finished = planned._replace(status="partial", errors=2, totals={"PV": {"base": 1.5, "up100": None}}, completed_at=NOW)
    async with database.transaction() as connection:
        await count_slices(connection, {SliceKey(planned.run_id, 1, 0): Ended(0, 0, 2)})
        await finish_run(connection, finished)
        assert await read_run(connection, planned.run_id) == finished._replace(slices_done=1)
