"""A large run that is ended by whoever asked for it, and by nobody else."""

from __future__ import annotations

import asyncio
import json
import signal
from pathlib import Path
from random import Random
from typing import Any, NamedTuple
from uuid import uuid4

import asyncpg
import pytest

from storage.database import Database
from tests.support.command_line import SECONDS
from tests.support.rig import eventually
from tests.support.run_rows import run_row, store_run
from tests.support.runs import position, run_data, run_event

# Two cells a slice, and a queue as short as it may be, which no large fetch overfills: far more slices than a worker has in
# hand when it is told to end.
SLICES = 500
SMALL = {"RUN_SLICE_CELLS": "2", "QUEUE_RECORDS": "100", "FETCH_RECORDS": "10", "DECODE_RECORDS": "10", "GROUP_RECORDS": "10"}


class Asked(NamedTuple):
    """A run of acme's, as it was asked for on the command line."""

    desk: Any
    run_id: str

    def cancel(self, *arguments: str) -> Any:
        return self.desk("run", "cancel", self.run_id, *arguments)

    def results(self, *arguments: str) -> Any:
        return self.desk("results", "run", self.run_id, *arguments)

    def known(self) -> dict[str, Any]:
        """What the command line tells programs of the run."""
        return dict(json.loads(self.results("--json").stdout))


@pytest.fixture
def asked(millrace: Any, tmp_path: Path) -> Asked:
    """A run of SLICES slices that was published and that no worker has looked at."""
    draw, book = Random(1), tmp_path / "objects" / "book.jsonl"
    book.write_text("\n".join(json.dumps(position(draw, f"p{number}")) for number in range(2 * SLICES)))
    data = run_data(draw) | {"portfolio": {"uri": "book.jsonl"}, "run_id": str(uuid4())}
    published = millrace("publish", "-", text=run_event(str(uuid4()), data).decode())
    assert published.returncode == 0, published.stderr
    return Asked(millrace, data["run_id"])


async def until(url: str, query: str, expected: Any) -> None:
    """Waits until the query's one value is `expected`."""

    async def ask() -> Any:
        async with database.connection() as connection:
            return await connection.fetchval(query)

    database = Database(url, pool_size=1)
    try:
        await eventually(ask, expected)
    finally:
        await database.close()


def partly_priced(asked: Asked, start_worker: Any) -> dict[str, Any]:
    """Has the run planned, and some of its slices priced by a worker that ends then; the run as it stands."""
    worker = asyncio.run(told_to_end_in_the_middle(asked, start_worker))
    assert worker.process.wait(SECONDS) == 0
    return asked.known()


async def told_to_end_in_the_middle(asked: Asked, start_worker: Any) -> Any:
    """A worker that has priced some slices when it is told to end, and cannot finish the later half before, however late."""
    url = asked.desk.environment["DATABASE_URL"]
    await until(url, "select count(*) from run_slices", SLICES)
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            await connection.fetch("select from run_slices where slice_no >= $1 for update", SLICES // 2)
            worker = start_worker(asked.desk, "--flows", "slices", **SMALL)
            worker.wait_until("/health/deep")
            await until(url, "select slices_done > 0 from runs", expected=True)
            worker.process.send_signal(signal.SIGTERM)
            await eventually(lambda: asyncio.to_thread(worker.has_said, "worker_stops"), expected=True)
    finally:
        await connection.close()
    return worker


def test_a_run_that_is_on_is_cancelled_and_what_is_finished_of_it_stays(asked: Asked, start_worker: Any) -> None:
    planner = start_worker(asked.desk, "--flows", "runs", **SMALL)
    planner.wait_until("/health/deep")
    before = partly_priced(asked, start_worker)
    assert before["status"] == "planned"
    assert 0 < before["slices_done"] < before["slices"] == SLICES
    assert f"of {SLICES} slices" in asked.results("--follow", "--timeout", "0.5").stderr

    cancelled = asked.cancel("--client", "acme", "--wait")
    assert cancelled.returncode == 0, cancelled.stderr
    assert "cancelled" in cancelled.stdout
    assert asked.run_id in cancelled.stdout
    assert planner.end() == 0

    shown = asked.results()
    assert shown.returncode == 0
    assert ["status", "cancelled"] in [line.split() for line in shown.stdout.splitlines()]
    after = asked.known()
    assert (after["status"], after["slices_done"]) == ("cancelled", before["slices_done"])
    assert (after["positions"], after["totals"]) == (2 * before["slices_done"], {})
    refused = asked.results("--parquet", "values.parquet")
    assert (refused.returncode, "is cancelled and has no values to export" in refused.stderr) == (1, True)

    again = asked.cancel("--wait")
    assert (again.returncode, again.stdout) == (4, "")
    assert f"run {asked.run_id} has ended: it is cancelled" in again.stderr

    slices_left_end_without_work(asked, start_worker, after)


def slices_left_end_without_work(asked: Asked, start_worker: Any, after: dict[str, Any]) -> None:
    worker = start_worker(asked.desk, **SMALL)
    worker.wait_until("/health/deep")
    url = asked.desk.environment["DATABASE_URL"]
    asyncio.run(until(url, "select count(*) from inbox where flow = 'slices'", SLICES))
    assert worker.end() == 0
    assert asked.known() == after


def test_without_a_worker_the_request_is_sent_and_not_answered(asked: Asked, start_worker: Any) -> None:
    planner = start_worker(asked.desk, "--flows", "runs", **SMALL)
    planner.wait_until("/health/deep")
    asyncio.run(until(asked.desk.environment["DATABASE_URL"], "select count(*) from runs", 1))
    assert planner.end() == 0

    waited = asked.cancel("--wait", "--timeout", "1")
    assert (waited.returncode, waited.stdout) == (1, "")
    assert "no answer within 1 s to" in waited.stderr
    assert asked.known()["status"] == "planned"

    again = start_worker(asked.desk, "--flows", "runs", **SMALL)
    again.wait_until("/health/deep")
    asyncio.run(until(asked.desk.environment["DATABASE_URL"], "select status from runs", "cancelled"))
    assert again.end() == 0


@pytest.mark.parametrize("arguments", [[], ["--client", "acme"]])
def test_a_run_that_there_is_not_cannot_be_cancelled(inside: Any, url: str, arguments: list[str]) -> None:
    run_id = str(uuid4())
    result = inside("run", "cancel", run_id, *arguments, DATABASE_URL=url)
    assert (result.returncode, result.stdout) == (1, "")
    said, advice = result.stderr.splitlines()
    assert said.startswith(f"millrace: there is no run {run_id}")
    assert "millrace lag" in advice


def test_a_run_of_another_client_is_none(inside: Any, url: str) -> None:
    run = run_row(status="planned", completed_at=None)
    store_run(url, run)
    result = inside("run", "cancel", str(run.run_id), "--client", "rival", DATABASE_URL=url)
    assert (result.returncode, result.stdout) == (1, "")
    assert f"there is no run {run.run_id} of client rival" in result.stderr


@pytest.mark.parametrize("status", ["completed", "partial", "failed", "cancelled"])
def test_a_run_that_has_ended_is_left_as_it_is(inside: Any, url: str, status: str) -> None:
    run = run_row(status=status, errors=int(status == "partial"), failure_code="internal" if status == "failed" else None)
    store_run(url, run)
    result = inside("run", "cancel", str(run.run_id), DATABASE_URL=url)
    assert (result.returncode, result.stdout) == (4, "")
    assert result.stderr == f"millrace: run {run.run_id} has ended: it is {status}\n"
