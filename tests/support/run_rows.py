"""Runs as they are stored, without a flow that made them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any
from uuid import uuid4

import numpy as np

from storage.database import Database
from storage.results import ResultRows, copy_results
from storage.runs import RunRow, insert_runs
from tests.support.databases import PATIENT


def run_row(**columns: Any) -> RunRow:
    """A completed run of two positions of client acme, a fresh id each time; any column can be given."""
    row = RunRow(
        run_id=uuid4(),
        client_id="acme",
        generation=0,
        status="completed",
        valuation_date=date(2026, 1, 15),
        reporting_currency="USD",
        scenario_ids=["base", "up100"],
        measures=["PV"],
        positions=2,
        errors=0,
        totals={"PV": {"base": 979673.6474, "up100": None}},
        failure_code=None,
        failure_message=None,
        input_sha256=b"i" * 32,
        request_sha256=b"r" * 32,
        pricer_version="1",
        snapshot_id=None,
        source="/tests",
        event_id="e",
        correlation_id="e",
        started_at=datetime(2026, 11, 20, 10, tzinfo=UTC),
        completed_at=datetime(2026, 11, 20, 10, 0, 1, tzinfo=UTC),
        tail_levels=[],
    )
    return row._replace(**columns)


def store_run(url: str, run: RunRow, values: Sequence[Sequence[float]] = ()) -> None:
    """Stores the run in that database, with a row of PV for each of `values`; one that has a NaN is unsupported."""
    asyncio.run(_store(url, run, values))


async def _store(url: str, run: RunRow, values: Sequence[Sequence[float]]) -> None:
    database = Database(url, limits=PATIENT)
    try:
        async with database.transaction() as connection:
            await insert_runs(connection, [run])
            if values:
                await copy_results(connection, [_pv_rows(run, np.array(values))])
    finally:
        await database.close()


def _pv_rows(run: RunRow, values: np.ndarray[Any, Any]) -> ResultRows:
    count = len(values)
    error = ["UNSUPPORTED" if unpriced else None for unpriced in np.isnan(values).any(axis=1)]
    return ResultRows(
        run.run_id, run.client_id, run.generation, range(count), [f"p{number}" for number in range(count)], ["PV"] * count,
        [""] * count, values, error, [None] * count,
    )  # fmt: skip
