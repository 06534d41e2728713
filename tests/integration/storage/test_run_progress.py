"""The view `run_progress`: how far runs and reprocesses are, and what is left."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from millrace.cli.results_follow import standing_of
from storage.database import Database
from storage.run_generations import add_generations
from storage.runs import insert_runs
from storage.tenant import tenant_session
from tests.integration.storage.conftest import MakeRun

AGO = timedelta(seconds=60)
FAR = "select * from run_progress where run_id = $1 order by generation"


def planned(**columns: Any) -> dict[str, Any]:
    return {"status": "planned", "completed_at": None, "started_at": datetime.now(UTC) - AGO, "slices": 4} | columns


async def progress(database: Database, run_id: UUID, client: str = "acme") -> list[dict[str, Any]]:
    async with tenant_session(database, client) as connection:
        return [dict(row) for row in await connection.fetch(FAR, run_id)]


async def test_a_run_in_slices_shows_what_has_ended_and_the_time_that_is_left(database: Database, make_run: MakeRun) -> None:
    run = make_run(**planned(slices_done=1, positions=5, errors=2))
    async with database.transaction() as connection:
        await insert_runs(connection, [run])
    before = datetime.now(UTC)
    [row] = await progress(database, run.run_id)
    after = datetime.now(UTC)
    left = row.pop("seconds_left")
    assert 3 * AGO.total_seconds() - 0.1 <= left <= 3 * (after - run.started_at).total_seconds() + 0.1
    first, last = (standing_of(run, now).seconds_left for now in (before, after))
    assert first is not None
    assert last is not None
    assert first - 0.1 <= left <= last + 0.1
    assert row == {name: getattr(run, name) for name in row}
    assert set(row) == {
        "run_id", "client_id", "generation", "status", "slices", "slices_done", "positions", "errors", "started_at",
    }  # fmt: skip


async def test_before_the_first_slice_nothing_is_known_of_the_time(database: Database, make_run: MakeRun) -> None:
    run = make_run(**planned())
    async with database.transaction() as connection:
        await insert_runs(connection, [run])
    assert [row["seconds_left"] for row in await progress(database, run.run_id)] == [None]


@pytest.mark.parametrize("status", ["completed", "partial", "failed", "cancelled"])
async def test_after_the_end_none_is_left(database: Database, make_run: MakeRun, status: str) -> None:
    failure = "internal" if status == "failed" else None
    run = make_run(status=status, failure_code=failure, errors=1, slices=4, slices_done=1)
    async with database.transaction() as connection:
        await insert_runs(connection, [run])
    assert [(row["status"], row["seconds_left"]) for row in await progress(database, run.run_id)] == [(status, 0.0)]


async def test_a_reprocess_stands_beside_what_is_read_until_it_is_past(database: Database, make_run: MakeRun) -> None:
    run = make_run()
    again = run._replace(generation=1, **planned(slices_done=2))
    async with database.transaction() as connection:
        await insert_runs(connection, [run])
        await add_generations(connection, [again])
        await add_generations(connection, [run._replace(generation=2, status="cancelled")])
    rows = await progress(database, run.run_id)
    latest = (datetime.now(UTC) - again.started_at).total_seconds()
    assert [(row["generation"], row["status"]) for row in rows] == [(0, "completed"), (1, "planned")]
    assert rows[0]["seconds_left"] == 0.0
    assert AGO.total_seconds() - 0.1 <= rows[1]["seconds_left"] <= latest + 0.1


async def test_another_client_sees_nothing_of_it(database: Database, make_run: MakeRun) -> None:
    run = make_run(run_id=uuid4(), **planned(slices_done=1))
    async with database.transaction() as connection:
        await insert_runs(connection, [run])
    assert await progress(database, run.run_id, client="rival") == []


async def test_looking_for_one_run_reads_two_keys(database: Database, make_run: MakeRun) -> None:
    async with database.transaction() as connection:
        await insert_runs(connection, [make_run() for _ in range(2_000)])
        await connection.execute("analyze runs, run_generations")
        await connection.execute("set local enable_seqscan = off")
        plan = "\n".join(row[0] for row in await connection.fetch("explain " + FAR.replace("$1", f"'{uuid4()}'")))
    assert "pk_runs" in plan, plan
    assert "pk_run_generations" in plan, plan
