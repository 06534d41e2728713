"""Generations of runs: one is read, the others are in work or past, and the past is dropped in time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from storage.database import Database
from storage.results import ResultRows, copy_results
from storage.run_generations import (
    RunKey,
    add_generations,
    cancel_generations,
    end_generation,
    generation_in_work,
    generations_aside,
    hold_runs,
    newest_generations,
    replace_runs,
    stored_generations,
    take_place,
)
from storage.run_pruning import drop_generations
from storage.runs import RunRow, insert_runs, read_run
from storage.tenant import tenant_session
from streams.pruning import Retention, RunPruner

MakeRun = Callable[..., RunRow]
MakeResults = Callable[..., ResultRows]
NOW = datetime(2026, 11, 20, 10, 0, 2, tzinfo=UTC)
WEEK = timedelta(days=7)
RETIRED = "select generation, retired_at is null from run_generations order by generation"
PLANNED: dict[str, Any] = {"status": "planned", "completed_at": None, "slices": 3}


async def test_a_generation_that_takes_the_place_of_another_keeps_it_as_it_was(database: Database, make_run: MakeRun) -> None:
    before = make_run(
        totals={"PV": {"base": 1 / 3, "up100": None}}, scenarios=({"id": "base"},), tail_levels=[0.95], tail_days=1
    )
    after = before._replace(generation=2, status="partial", errors=1, measures=["PV", "KRD"], group_by=("desk",))
    async with database.transaction() as connection:
        await insert_runs(connection, [before])
        await replace_runs(connection, [after])

        assert await read_run(connection, before.run_id) == after
        key = RunKey(before.run_id, 0)
        assert await generations_aside(connection, [key, RunKey(before.run_id, 2)]) == {key: before}
        both = await stored_generations(connection, [key, RunKey(before.run_id, 2), RunKey(before.run_id, 1)])
        assert both == {key: before, RunKey(before.run_id, 2): after}
        assert [tuple(row) for row in await connection.fetch(RETIRED)] == [(0, False)]


async def test_a_generation_in_work_takes_its_place_with_what_it_came_to(database: Database, make_run: MakeRun) -> None:
    before = make_run()
    planned = before._replace(generation=1, **PLANNED)
    done = planned._replace(status="completed", completed_at=NOW, slices_done=3, totals={"PV": {"base": 2.5, "up100": 1.0}})
    async with database.transaction() as connection:
        await insert_runs(connection, [before])
        await add_generations(connection, [planned])
        assert await generation_in_work(connection, before.run_id) == planned
        assert [tuple(row) for row in await connection.fetch(RETIRED)] == [(1, True)]

        await take_place(connection, done)
        assert await read_run(connection, before.run_id) == done
        assert await generation_in_work(connection, before.run_id) is None
        assert [tuple(row) for row in await connection.fetch(RETIRED)] == [(0, False)]


async def test_the_end_of_a_generation_that_is_not_read_is_written(database: Database, make_run: MakeRun) -> None:
    planned = make_run(generation=1, **PLANNED)
    failed = planned._replace(status="failed", totals={}, completed_at=NOW, failure_code="internal", failure_message="why")
    async with database.transaction() as connection:
        await add_generations(connection, [planned])
        await end_generation(connection, failed)
        assert await generations_aside(connection, [RunKey(planned.run_id, 1)]) == {RunKey(planned.run_id, 1): failed}


async def test_what_is_in_work_is_cancelled_and_nothing_else(database: Database, make_run: MakeRun) -> None:
    run = make_run()
    rows = [run._replace(generation=1, status="superseded"), *(run._replace(generation=each, **PLANNED) for each in (2, 3))]
    async with database.transaction() as connection:
        await add_generations(connection, [*rows, make_run(generation=1, **PLANNED)])
        assert await cancel_generations(connection, run.run_id, "rival", NOW) == []
        cancelled = await cancel_generations(connection, run.run_id, "acme", NOW)
        assert [(row.generation, row.status, row.completed_at) for row in cancelled] == [
            (3, "cancelled", NOW),
            (2, "cancelled", NOW),
        ]
        assert await connection.fetchval("select count(*) from run_generations where status = 'planned'") == 1


async def test_the_newest_generation_is_known_wherever_it_is(database: Database, make_run: MakeRun) -> None:
    read, aside, unknown = make_run(generation=4), make_run(), make_run()
    async with database.transaction() as connection:
        await insert_runs(connection, [read, aside])
        await add_generations(connection, [read._replace(generation=1), aside._replace(generation=2, **PLANNED)])
        found = await newest_generations(connection, [read.run_id, aside.run_id, unknown.run_id])
    assert found == {read.run_id: 4, aside.run_id: 2}


async def test_who_holds_a_run_is_waited_for_and_what_he_put_there_is_seen(database: Database, make_run: MakeRun) -> None:
    run = make_run()
    async with database.transaction() as connection:
        await insert_runs(connection, [run])

    async def holding(generation: int) -> int:
        async with database.transaction() as connection:
            held = (await hold_runs(connection, [run.run_id]))[run.run_id]
            await asyncio.sleep(0.05)
            await replace_runs(connection, [run._replace(generation=held.generation + generation)])
            return held.generation

    assert sorted(await asyncio.gather(*(holding(1) for _ in range(4)))) == [0, 1, 2, 3]


async def test_a_client_sees_what_is_in_work_of_its_own(database: Database, make_run: MakeRun) -> None:
    run = make_run(generation=1, **PLANNED)
    async with database.transaction() as connection:
        await add_generations(connection, [run])
    async with tenant_session(database, "acme") as connection:
        assert await generation_in_work(connection, run.run_id) == run
    async with tenant_session(database, "rival") as connection:
        assert await generation_in_work(connection, run.run_id) is None


@pytest.fixture
async def past(database: Database, make_run: MakeRun, make_results: MakeResults) -> RunRow:
    """A run that was done again eight days ago, once more an hour ago, and is being done again; ten rows each."""
    run = make_run()
    async with database.transaction() as connection:
        await insert_runs(connection, [run])
        for generation in (1, 2):
            await replace_runs(connection, [run._replace(generation=generation)])
        await add_generations(connection, [run._replace(generation=3, **PLANNED)])
        for generation in range(4):
            await copy_results(connection, [make_results(run.run_id, [[1.0, 2.0]] * 10, generation=generation)])
        await connection.execute(
            """
            insert into run_totals (run_id, generation, group_values, measure, client_id, "values")
            select run_id, generation, '{rates}', 'PV', client_id, '{1, 2}' from run_generations
            """
        )
        await connection.execute("update run_generations set retired_at = now() - interval '8 days' where generation = 0")
    return run


LEFT = "select generation, count(*) from run_results group by 1 order by 1"


async def test_what_has_been_past_for_long_enough_is_dropped_in_small_batches(database: Database, past: RunRow) -> None:
    dropped = []
    while not dropped or dropped[-1]:
        async with database.transaction() as connection:
            dropped.append(await drop_generations(connection, WEEK, 4))
            # As long as anything is left of a generation its row is there to find it by.
            rows = await connection.fetchval("select count(*) from run_results where generation = 0")
            known = await connection.fetchval("select count(*) from run_generations where generation = 0")
            assert known or not rows
    assert dropped == [4, 4, 4, 0]
    async with database.connection() as connection:
        assert [tuple(row) for row in await connection.fetch(LEFT)] == [(1, 10), (2, 10), (3, 10)]
        assert [tuple(row) for row in await connection.fetch(RETIRED)] == [(1, False), (3, True)]
        totals = await connection.fetch("select generation from run_totals order by 1")
    assert [row["generation"] for row in totals] == [1, 3]


async def test_one_worker_at_a_time_drops_what_is_past(database: Database, past: RunRow) -> None:
    async with database.transaction() as connection, database.transaction() as other:
        assert await drop_generations(connection, WEEK, 4) == 4
        assert await drop_generations(other, WEEK, 4) is None


async def test_a_round_drops_all_of_it(database: Database, past: RunRow) -> None:
    pruner = RunPruner(database, Retention(days=7, rows=3, rest=0.0))
    assert await pruner.round() == 12
    assert await pruner.round() == 0


async def test_looking_for_what_is_past_reads_no_whole_table(database: Database, make_run: MakeRun) -> None:
    async with database.transaction() as connection:
        await add_generations(connection, [make_run(generation=1) for _ in range(2_000)])
        await connection.execute("analyze run_generations")
        plan = await connection.fetch(
            "explain select run_id, generation from run_generations where retired_at < now() - $1::interval"
            " order by retired_at limit 200",
            WEEK,
        )
    assert "ix_run_generations_retired_at" in "\n".join(row[0] for row in plan)
