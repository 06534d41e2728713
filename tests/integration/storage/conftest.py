"""Runs as the tests of storage make them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import numpy as np
import pytest

from storage.results import ResultRows
from storage.runs import RunRow
from tests.support.run_rows import run_row

MakeRun = Callable[..., RunRow]
MakeResults = Callable[..., ResultRows]


@pytest.fixture
def make_run() -> MakeRun:
    """A completed run of client acme, a fresh id each time; any column can be given."""

    def make(**columns: Any) -> RunRow:
        return run_row(**{"totals": {"PV": {"base": 1.5, "up100": None}}, "snapshot_id": "eod-2026-01-15"} | columns)

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
