"""Results as a Parquet file: one value a row, in typed columns that any reader of Parquet knows."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet

from events.failures import MillraceError
from handlers.price.arrays import Ints
from storage.exports import ResultPage

# Under this key of the file's metadata stands the run itself, as JSON.
RUN_KEY: Final = "millrace.run"

_TEXT = pa.dictionary(pa.int32(), pa.string())
SCHEMA: Final = pa.schema(
    [
        pa.field("run_id", _TEXT, nullable=False),
        pa.field("row_no", pa.int32(), nullable=False),
        pa.field("position_id", _TEXT, nullable=False),
        pa.field("measure", _TEXT, nullable=False),
        pa.field("bucket", _TEXT, nullable=False),
        pa.field("scenario_id", _TEXT, nullable=False),
        pa.field("value", pa.float64()),
        pa.field("error", _TEXT),
        pa.field("error_detail", _TEXT),
    ]
)
# A dictionary of numbers that hardly ever repeat is time lost.
_REPEATED: Final = [name for name in SCHEMA.names if name != "value"]


class FileNotWrittenError(MillraceError):
    """The file system does not take the file; the message says why."""


class ResultsFile:
    """A Parquet file that is being written; `values` counts what is in it. Its methods raise FileNotWrittenError."""

    def __init__(self, path: Path, run: Mapping[str, Any]) -> None:
        self.values = 0
        self._run_id, self._scenarios = str(run["run_id"]), list(run["scenario_ids"])
        # Without the schema of Arrow readers see texts, however they were encoded here.
        with _told_as_not_written():
            self._writer = pyarrow.parquet.ParquetWriter(
                path, SCHEMA, store_schema=False, compression="zstd", use_dictionary=_REPEATED
            )
        self._writer.add_key_value_metadata({RUN_KEY: orjson.dumps(run, default=str).decode()})

    def write(self, page: ResultPage) -> None:
        """Adds every value of the page, row by row, in the order of the run's scenarios; a row group of its own."""
        batch = _batch(self._run_id, self._scenarios, page)
        with _told_as_not_written():
            self._writer.write_batch(batch)
        self.values += batch.num_rows

    def close(self) -> None:
        """Writes the end of the file, without which it is none."""
        with _told_as_not_written():
            self._writer.close()


@contextmanager
def results_file(path: Path, run: Mapping[str, Any]) -> Iterator[ResultsFile]:
    """A file that appears under its path whole, or not at all; what stood there before is replaced then.

    `run` has its `run_id` and `scenario_ids`, and whatever else is to be told of it. Raises FileNotWrittenError.
    """
    if path.is_dir():
        raise FileNotWrittenError("it is a folder")
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.unfinished")
    try:
        file = ResultsFile(unfinished, run)
        try:
            yield file
        finally:
            file.close()
        with _told_as_not_written():
            _put_in_place(unfinished, path)
    finally:
        with suppress(OSError):
            unfinished.unlink()


def _put_in_place(unfinished: Path, path: Path) -> None:
    with unfinished.open("rb") as written:
        os.fsync(written.fileno())
    unfinished.replace(path)


@contextmanager
def _told_as_not_written() -> Iterator[None]:
    """Tells what the file system says from what a server's connection says, which is an OSError too."""
    try:
        yield
    except OSError as error:
        raise FileNotWrittenError(os.strerror(error.errno).lower() if error.errno else str(error)) from None


def _batch(run_id: str, scenarios: Sequence[str], page: ResultPage) -> pa.RecordBatch:
    rows = np.repeat(np.arange(len(page)), len(scenarios))
    missing = np.isnan(page.values.ravel())
    columns = [
        _texts([run_id], np.zeros(rows.size, np.int64)),
        pa.array(np.asarray(page.row_no, np.int32)[rows]),
        _texts(page.position_id, rows),
        _texts(page.measure, rows),
        _texts(page.bucket, rows),
        _texts(scenarios, np.tile(np.arange(len(scenarios)), len(page))),
        pa.array(page.values.ravel(), mask=missing),
        _texts(page.error, rows, ~missing),
        _texts(page.error_detail, rows, ~missing),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=SCHEMA)


def _texts(texts: Sequence[str | None], rows: Ints, hidden: Any = None) -> pa.DictionaryArray:
    """The text of each of `rows`, null where it is None or `hidden`; every distinct one is held once."""
    encoded = pa.array(texts, pa.string()).dictionary_encode()
    codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)[rows]
    null = codes < 0 if hidden is None else hidden | (codes < 0)
    return pa.DictionaryArray.from_arrays(pa.array(codes, pa.int32(), mask=null), encoded.dictionary)
