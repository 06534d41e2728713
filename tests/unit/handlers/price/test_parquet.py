"""Results in a Parquet file: whole or not there, with columns that say what they are."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet
import pytest

from handlers.price.parquet import RUN_KEY, FileNotWrittenError, results_file
from storage.exports import ResultPage

RUN = {"run_id": "0199f3a2-7c1f-7d10-8a55-51d1b1f5c0de", "scenario_ids": ["base", "up100"], "input_sha256": "ab" * 32}
TYPES = {
    "run_id": pa.string(),
    "row_no": pa.int32(),
    "position_id": pa.string(),
    "measure": pa.string(),
    "bucket": pa.string(),
    "scenario_id": pa.string(),
    "value": pa.float64(),
    "error": pa.string(),
    "error_detail": pa.string(),
}


def a_page(values: list[list[float]], first: int = 0, **columns: Any) -> ResultPage:
    count = len(values)
    defaults: dict[str, Any] = {
        "row_no": list(range(first, first + count)),
        "position_id": [f"p{number}" for number in range(first, first + count)],
        "measure": ["PV"] * count,
        "bucket": [""] * count,
        "error": [None] * count,
        "error_detail": [None] * count,
    }
    return ResultPage(values=np.array(values), **defaults | columns)


def written(path: Path, *pages: ResultPage) -> pa.Table:
    with results_file(path, RUN) as file:
        for page in pages:
            file.write(page)
    return pyarrow.parquet.read_table(path)


def test_what_fails_midway_leaves_no_file_and_the_one_before_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "values.parquet"
    path.write_bytes(b"before")

    def fail_midway() -> None:
        with results_file(path, RUN) as file:
            file.write(a_page([[1.0, 2.0]]))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_midway()
    assert [each.name for each in tmp_path.iterdir()] == ["values.parquet"]
    assert path.read_bytes() == b"before"


def test_nothing_is_seen_under_the_name_before_the_file_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "values.parquet"
    with results_file(path, RUN) as file:
        file.write(a_page([[1.0, 2.0]]))
        assert not path.exists()
    assert pyarrow.parquet.read_table(path).num_rows == 2


def test_a_place_that_cannot_be_written_says_so_and_leaves_nothing(tmp_path: Path) -> None:
    with (
        pytest.raises(FileNotWrittenError, match="no such file or directory"),
        results_file(tmp_path / "no" / "values.parquet", RUN),
    ):
        pass
    with pytest.raises(FileNotWrittenError, match="it is a folder"), results_file(tmp_path, RUN):
        pass


def test_a_full_disk_says_so(tmp_path: Path) -> None:
    (tmp_path / f".values.parquet.{os.getpid()}.unfinished").symlink_to("/dev/full")
    with pytest.raises(FileNotWrittenError, match="no space left"):
        written(tmp_path / "values.parquet", a_page(np.random.default_rng(1).normal(size=(1000, 2)).tolist()))
    assert list(tmp_path.iterdir()) == []


def test_a_run_without_rows_is_a_file_with_all_columns(tmp_path: Path) -> None:
    table = written(tmp_path / "none.parquet")
    assert {field.name: field.type for field in table.schema} == TYPES
    assert table.num_rows == 0


def test_each_value_is_a_row_under_its_scenario_and_the_columns_have_types(tmp_path: Path) -> None:
    pages = a_page([[1.5, -2.5], [3.0, 4.0]]), a_page([[5.0, 6.0]], 2, measure=["KRD"], bucket=["EUR:2027-01-15"])
    table = written(tmp_path / "values.parquet", *pages)
    assert {field.name: field.type for field in table.schema} == TYPES
    assert set(table.column("run_id").to_pylist()) == {RUN["run_id"]}
    names = ("row_no", "position_id", "measure", "bucket", "scenario_id", "value")
    assert [tuple(row[name] for name in names) for row in table.to_pylist()] == [
        (0, "p0", "PV", "", "base", 1.5),
        (0, "p0", "PV", "", "up100", -2.5),
        (1, "p1", "PV", "", "base", 3.0),
        (1, "p1", "PV", "", "up100", 4.0),
        (2, "p2", "KRD", "EUR:2027-01-15", "base", 5.0),
        (2, "p2", "KRD", "EUR:2027-01-15", "up100", 6.0),
    ]


def test_a_missing_value_is_null_and_says_why_and_a_value_beside_it_stands_without_an_error(tmp_path: Path) -> None:
    page = a_page(
        [[1.0, np.nan], [np.nan, np.nan]], error=["MISSING_MARKET_DATA", "UNSUPPORTED"], error_detail=["no curve", None]
    )
    table = written(tmp_path / "values.parquet", page)
    assert [(row["value"], row["error"], row["error_detail"]) for row in table.to_pylist()] == [
        (1.0, None, None),
        (None, "MISSING_MARKET_DATA", "no curve"),
        (None, "UNSUPPORTED", None),
        (None, "UNSUPPORTED", None),
    ]


def test_the_file_tells_of_its_run(tmp_path: Path) -> None:
    path = tmp_path / "values.parquet"
    written(path, a_page([[1.0, 2.0]]))
    assert orjson.loads(pyarrow.parquet.read_metadata(path).metadata[RUN_KEY.encode()]) == RUN


def test_names_repeat_over_pages_with_other_names_between(tmp_path: Path) -> None:
    pages = [a_page([[float(number), 0.0]], number, position_id=[name]) for number, name in enumerate("abcab")]
    table = written(tmp_path / "values.parquet", *pages)
    assert table.column("position_id").to_pylist() == [name for name in "abcab" for _ in range(2)]
