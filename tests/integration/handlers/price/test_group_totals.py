"""The end of a large run that has many groups: in little memory, off the event loop, within the time limit of transactions."""

from __future__ import annotations

import threading
import time
import tracemalloc
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
import numpy as np
import pytest

from handlers.price import ending
from handlers.price.ending import complete_runs
from handlers.price.grouping import MAX_GROUPS, GroupTotals
from storage.database import Database, SessionLimits
from storage.plans import Ended, PlanRow, SliceEnd, SliceKey, SliceRow, add_plans, end_slices
from storage.runs import RunRow, insert_runs
from storage.totals import TotalRows, copy_totals
from tests.support.run_rows import run_row

NOW = datetime(2026, 11, 20, 10, 0, 2, tzinfo=UTC)
STORED = 'select group_values, measure, "values" from run_totals where run_id = $1'


def shares(number: int, groups: int, scenarios: int) -> GroupTotals:
    """Of slice `number`: its groups begin where half of those of the slice before have passed."""
    first = number * groups // 2
    names = [(f"g{place}",) for place in range(first, first + groups)]
    return GroupTotals(names, {"PV": np.random.default_rng(number).normal(size=(groups, scenarios))})


async def planned(database: Database, slices: int, groups: int, scenarios: int) -> tuple[RunRow, dict[SliceKey, Ended]]:
    """A run all of whose slices have ended, and none is counted."""
    names = [f"s{number}" for number in range(scenarios)]
    run = run_row(
        status="planned", completed_at=None, positions=0, totals={}, slices=slices, scenario_ids=names, group_by=["desk"]
    )
    keys = [SliceKey(run.run_id, run.generation, number) for number in range(slices)]
    async with database.transaction() as connection:
        await insert_runs(connection, [run])
        rows = [SliceRow(*key, "acme", 5 * key.slice_no, 5, [], None) for key in keys]
        await add_plans(connection, [PlanRow(run.run_id, 0, "acme", b"{}", None, None, "subject", None)], rows)
    ended: dict[SliceKey, Ended] = {}
    for key in keys:
        told, sums = shares(key.slice_no, groups, scenarios).packed()
        totals = {"PV": dict.fromkeys(names, 1.0)}
        end = SliceEnd(key, "done", 0, totals, told, sums, None, None, "w", "1", NOW, NOW)
        async with database.transaction() as connection:
            ended |= await end_slices(connection, [end])
    return run, ended


async def stored(database: Database, run_id: UUID) -> dict[Any, list[float | None]]:
    async with database.connection() as connection:
        rows = await connection.fetch(STORED, run_id)
    assert len(rows) == len({(*row["group_values"], row["measure"]) for row in rows})
    return {(*row["group_values"], row["measure"]): row["values"] for row in rows}


async def test_the_end_of_a_run_holds_the_sums_and_one_slice(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    slices, groups, scenarios = 12, 9_000, 100
    run, ended = await planned(database, slices, groups, scenarios)
    threads = set()
    add = ending.Sums.add
    monkeypatch.setattr(ending.Sums, "add", lambda sums, each: (threads.add(threading.get_ident()), add(sums, each)))
    tracemalloc.start()
    try:
        async with database.transaction() as connection:
            completed = await complete_runs(connection, ended, NOW)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    [answer] = completed.values()
    assert answer.data is not None
    assert answer.data["totals"]["PV"]["s7"] == slices
    assert threading.get_ident() not in threads
    of_slice = 8 * groups * scenarios
    assert most < 8 * MAX_GROUPS * scenarios + 6 * of_slice
    wanted: dict[str, np.ndarray[Any, Any]] = {}
    for number in range(slices):
        for (name,), row in zip((each := shares(number, groups, scenarios)).values, each.sums["PV"], strict=True):
            name = name if name in wanted or len(wanted) < MAX_GROUPS - 1 else "*"  # noqa: PLW2901 - as it is stored
            wanted[name] = wanted.get(name, np.zeros(scenarios)) + row
    found = await stored(database, run.run_id)
    assert found.keys() == {(name, "PV") for name in wanted}
    for name, row in wanted.items():
        assert found[name, "PV"] == (pytest.approx(row.tolist(), abs=1e-8) if name == "*" else row.tolist())


@pytest.fixture
async def hurried(database_url: str) -> Any:
    """A database that gives transactions five seconds."""
    database = Database(database_url, limits=SessionLimits(transaction=5.0))
    yield database
    await database.close()


@pytest.mark.parametrize("seconds", [0.9, 7.5])
async def test_a_run_has_the_time_that_its_slices_take_and_a_worker_that_stops_has_not(
    database: Database, hurried: Database, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    """Six slices take longer than a transaction may; each alone leaves a busy machine several seconds."""
    run, ended = await planned(database, 6, 2, 2)
    add = ending.Sums.add
    monkeypatch.setattr(ending.Sums, "add", lambda sums, each: (time.sleep(seconds), add(sums, each)))

    async def end() -> None:
        async with hurried.transaction() as connection:
            if connection.get_server_version().major < 17:
                pytest.skip("PostgreSQL below 17 does not limit transactions")
            await complete_runs(connection, ended, NOW)

    if seconds > 5:
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
            await end()
        assert await stored(hurried, run.run_id) == {}
    else:
        await end()
        assert len(await stored(hurried, run.run_id)) == 7
    async with hurried.connection() as connection:
        assert await connection.fetchval("show transaction_timeout") == "5s"


async def test_totals_are_stored_as_they_are_whatever_is_null_and_however_they_are_named(database: Database) -> None:
    run = run_row()
    names = [("", "é\U0001f600"), ("*", "a,b\"'{}"), ("NULL", "x" * 64)]
    sums = np.array([[1.0, np.nan, -0.0], [np.inf, np.nan, np.nan], [0.1, 1e300, 5e-324]])
    given = [
        TotalRows(run.run_id, 3, "acme", names, {"PV": sums, "DV01": sums[::-1]}),
        TotalRows(run.run_id, 4, "acme", [("one",)], {"PV": np.empty((1, 0))}),
        TotalRows(run.run_id, 5, "acme", [], {"PV": np.empty((0, 3))}),
        TotalRows(run.run_id, 6, "acme", names, {}),
    ]
    async with database.transaction() as connection:
        await copy_totals(connection, given)
        await copy_totals(connection, [])
    found = await stored(database, run.run_id)
    wanted = [[1.0, None, -0.0], [None, None, None], [0.1, 1e300, 5e-324]]
    assert found == {
        **{(*name, "PV"): row for name, row in zip(names, wanted, strict=True)},
        **{(*name, "DV01"): row for name, row in zip(names, wanted[::-1], strict=True)},
        ("one", "PV"): [],
    }
    async with database.connection() as connection:
        told = await connection.fetch("select distinct generation, client_id from run_totals")
    assert {tuple(row) for row in told} == {(3, "acme"), (4, "acme")}
