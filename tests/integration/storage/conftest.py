"""Runs as the tests of storage make them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import pytest

from storage.results import ResultRows
from storage.runs import RunRow

MakeRun = Callable[..., RunRow]
MakeResults = Callable[..., ResultRows]


@pytest.fixture
def make_run() -> MakeRun:
    """A completed run of client acme, a fresh id each time; any column can be given."""

    def make(**columns: Any) -> RunRow:
        run = RunRow(
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
            totals={"PV": {"base": 1.5, "up100": None}},
            failure_code=None,
            failure_message=None,
            input_sha256=b"i" * 32,
            request_sha256=b"r" * 32,
            pricer_version="1",
            snapshot_id="eod-2026-01-15",
            source="/portfolio-service",
            event_id="e1",
            correlation_id="c1",
            started_at=datetime(2026, 11, 20, 10, tzinfo=UTC),
            completed_at=datetime(2026, 11, 20, 10, 0, 1, tzinfo=UTC),
            tail_levels=[],
        )
        return run._replace(**columns)

    return make


@pytest.fixture
def make_results() -> MakeResults:
    """Rows of PV without errors, one for each row of `values`."""

    def make(run_id: UUID, values: list[list[float]], client_id: str = "acme", **columns: Any) -> ResultRows:
        count = len(values)
        defaults: dict[str, Any] = {
            "generation": 0,
            "row_no": range(count),
            "position_id": [f"p{number}" for number in range(count)],
            "measure": ["PV"] * count,
            "bucket": [""] * count,
            "error": [None] * count,
            "error_detail": [None] * count,
        }
        return ResultRows(run_id=run_id, client_id=client_id, values=np.array(values, np.float64), **defaults | columns)

    return make
