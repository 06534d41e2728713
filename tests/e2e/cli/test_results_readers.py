"""An exported run opens in the readers that people use, and no column has to be cast."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow.parquet
import pytest

from storage.runs import RunRow
from tests.support.run_rows import run_row, store_run

VALUES = [[979673.6474, -0.1], [np.nan, np.nan], [5e-324, 1.7976931348623157e308]]
# In the order of the columns, as Python sees them: what every reader has to agree with.
COLUMNS = ("run_id", "row_no", "position_id", "measure", "bucket", "scenario_id", "value", "error", "error_detail")
EXPECTED = [
    (row_no, f"p{row_no}", scenario, None if np.isnan(value) else value, "UNSUPPORTED" if np.isnan(value) else None)
    for row_no, row in enumerate(VALUES)
    for scenario, value in zip(("base", "up100"), row, strict=True)
]
TEXT, WHOLE, NUMBER = "text", "whole", "number"
KINDS = (TEXT, WHOLE, TEXT, TEXT, TEXT, TEXT, NUMBER, TEXT, TEXT)

Read = Callable[[Path], tuple[dict[str, str], list[tuple[Any, ...]]]]


def with_pandas(file: Path) -> tuple[dict[str, str], list[tuple[Any, ...]]]:
    """Types and rows as pandas has them, where a missing number is NaN and a missing text whatever `isna` says it is."""
    frame = pd.read_parquet(file)
    rows = [tuple(None if pd.isna(cell) else cell for cell in row) for row in frame.itertuples(index=False)]
    return {name: str(kind) for name, kind in frame.dtypes.items()}, rows


def with_polars(file: Path) -> tuple[dict[str, str], list[tuple[Any, ...]]]:
    frame = pl.read_parquet(file)
    return {name: str(kind) for name, kind in frame.schema.items()}, frame.rows()


def with_duckdb(file: Path) -> tuple[dict[str, str], list[tuple[Any, ...]]]:
    with duckdb.connect() as connection:
        found = connection.sql("select * from read_parquet($file)", params={"file": str(file)})
        return dict(zip(found.columns, map(str, found.types), strict=True)), found.fetchall()


@pytest.fixture
def exported(inside: Any, url: str, tmp_path: Path) -> tuple[RunRow, Path]:
    """A run with a position that could not be priced, and the file that the command line makes of it."""
    run, file = run_row(status="partial", positions=3, errors=1), tmp_path / "values.parquet"
    store_run(url, run, VALUES)
    result = inside("results", "run", str(run.run_id), "--parquet", str(file), DATABASE_URL=url)
    assert result.returncode == 0, result.stderr
    return run, file


@pytest.mark.parametrize(
    ("read", "types"),
    [
        (with_pandas, {TEXT: "str", WHOLE: "int32", NUMBER: "float64"}),
        (with_polars, {TEXT: "String", WHOLE: "Int32", NUMBER: "Float64"}),
        (with_duckdb, {TEXT: "VARCHAR", WHOLE: "INTEGER", NUMBER: "DOUBLE"}),
    ],
)
def test_every_reader_finds_the_same_values_in_columns_of_the_same_types(
    exported: tuple[RunRow, Path], read: Read, types: dict[str, str]
) -> None:
    run, file = exported
    found, rows = read(file)
    assert found == {name: types[kind] for name, kind in zip(COLUMNS, KINDS, strict=True)}
    assert rows == [
        (str(run.run_id), row_no, position, "PV", "", scenario, value, error, None)
        for row_no, position, scenario, value, error in EXPECTED
    ]


def test_the_sum_that_the_docs_show_leaves_out_what_has_no_value(exported: tuple[RunRow, Path]) -> None:
    _, file = exported
    query = f"select scenario_id, sum(value) from '{file}' where measure = 'PV' group by scenario_id order by all"
    with duckdb.connect() as connection:
        assert connection.sql(query).fetchall() == [("base", VALUES[0][0] + VALUES[2][0]), ("up100", VALUES[2][1] - 0.1)]


def test_the_run_itself_can_be_read_from_the_file_by_sql(exported: tuple[RunRow, Path]) -> None:
    run, file = exported
    query = f"select decode(value) from parquet_kv_metadata('{file}') where decode(key) = 'millrace.run'"
    with duckdb.connect() as connection:
        [(told,)] = connection.sql(query).fetchall()
    assert (json.loads(told)["run_id"], json.loads(told)["pricer_version"]) == (str(run.run_id), run.pricer_version)
    assert pyarrow.parquet.read_metadata(file).metadata[b"millrace.run"].decode() == told
