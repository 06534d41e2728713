"""Portfolios in files: the same positions from every kind of file, and what is wrong with a file or a row of it."""

from __future__ import annotations

import gzip
import io
import json
import tracemalloc
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from events.failures import Permanent
from handlers.price.engine import price_run
from handlers.price.portfolio import Portfolio
from tests.unit.handlers.price.books import BOND, FORWARD, LOAN, VALUATION, market

BOOK = [
    BOND,
    LOAN,
    FORWARD,
    BOND | {"credit_spread": 0.02, "first_coupon_date": "2022-03-15", "stub": "long_first"},
    BOND | {"calendar": "US+UK", "payment_convention": "following", "end_of_month": True, "ex_coupon_days": 7},
    LOAN | {"calendar": "TARGET", "accrual_convention": "modified_following", "end_of_month": False},
]
NAMES = list(dict.fromkeys(name for position in BOOK for name in position))


def parquet(book: list[dict[str, Any]], **columns: pa.Array) -> bytes:
    table = {name: pa.array([position.get(name) for position in book]) for name in NAMES}
    data = io.BytesIO()
    pq.write_table(pa.table(table | columns), data)
    return data.getvalue()


def csv(book: list[dict[str, Any]]) -> bytes:
    rows = [",".join("" if position.get(name) is None else str(position[name]) for name in NAMES) for position in book]
    return "\n".join([",".join(NAMES), *rows, ""]).encode()


def json_lines(book: list[dict[str, Any]]) -> bytes:
    return "\n".join(json.dumps(position) for position in book).encode()


FORMATS: list[tuple[str, Callable[[list[dict[str, Any]]], bytes]]] = [
    ("book.parquet", parquet),
    ("books/eod.CSV", csv),
    ("book.jsonl", json_lines),
    ("book.ndjson", json_lines),
]


def values(portfolio: Portfolio) -> Any:
    run = price_run(portfolio, market(), [], ("PV", "ACCRUED"), VALUATION)
    return [list(zip(run.row_no.tolist(), run.position_id, run.error, run.error_detail, strict=True)), run.values.tolist()]


def unreadable(data: bytes, name: str) -> str:
    with pytest.raises(Permanent) as caught:
        Portfolio.from_bytes(data, name)
    assert caught.value.code == "portfolio_unreadable"
    return caught.value.message


@pytest.mark.parametrize(("name", "write"), FORMATS)
def test_every_kind_of_file_gives_the_positions_that_an_event_gives(name: str, write: Any) -> None:
    assert values(Portfolio.from_bytes(write(BOOK), name)) == values(Portfolio.from_records(BOOK))


@pytest.mark.parametrize(("name", "write"), FORMATS)
def test_a_wrong_row_of_a_file_is_the_fault_of_its_position_alone(name: str, write: Any) -> None:
    book = [BOND, BOND | {"day_count": "ACT/999"}, BOND | {"maturity_date": "soon"}, BOND | {"notional": None}, LOAN]
    portfolio = Portfolio.from_bytes(write(book), name)
    assert {row: fault.detail.split(":")[0] for row, fault in portfolio.faults.items()} == {
        1: "day_count",
        2: "maturity_date",
        3: "notional",
    }
    assert len(portfolio) == 5


def test_parquet_dates_decimals_timestamps_and_whole_numbers_are_understood() -> None:
    days = [date.fromisoformat(position["maturity_date"]) for position in BOOK]
    data = parquet(
        BOOK,
        maturity_date=pa.array([datetime(day.year, day.month, day.day) for day in days], pa.timestamp("ns")),  # noqa: DTZ001
        start_date=pa.array([date.fromisoformat(each["start_date"]) if "start_date" in each else None for each in BOOK]),
        notional=pa.array([Decimal(str(position["notional"])) for position in BOOK], pa.decimal128(20, 2)),
        frequency=pa.array([float(each["frequency"]) if "frequency" in each else None for each in BOOK]),
    )
    assert values(Portfolio.from_bytes(data, "book.parquet")) == values(Portfolio.from_records(BOOK))
    numbered = Portfolio.from_bytes(parquet(BOOK, position_id=pa.array(range(7, 13))), "book.parquet")
    assert numbered.position_ids == ("7", "8", "9", "10", "11", "12")


def test_a_parquet_column_of_the_wrong_kind_is_the_fault_of_each_position() -> None:
    text = Portfolio.from_bytes(parquet([BOND], notional=pa.array(["1000"])), "book.parquet")
    assert text.faults[0].detail == "notional: must be a number, not '1000'"
    timed = pa.array([datetime(2031, 3, 15, 12, 30)], pa.timestamp("us"))  # noqa: DTZ001
    assert (
        "maturity_date: must be a date"
        in Portfolio.from_bytes(parquet([BOND], maturity_date=timed), "b.parquet").faults[0].detail
    )
    infinite = Portfolio.from_bytes(parquet([BOND, BOND], notional=pa.array([float("inf"), 1.0])), "book.parquet")
    assert {row: fault.detail for row, fault in infinite.faults.items()} == {0: "notional: must be finite, not inf"}


def test_a_csv_number_that_is_none_is_its_positions_fault_and_the_others_are_still_numbers() -> None:
    portfolio = Portfolio.from_bytes(csv([BOND | {"notional": "1_000"}, BOND | {"notional": " 5 "}, BOND]), "book.csv")
    assert {row: fault.detail for row, fault in portfolio.faults.items()} == {0: "notional: must be a number, not '1_000'"}
    assert portfolio.groups[0].terms.take(np.array([0])).notional.tolist() == [5.0]


def test_json_numbers_as_text_are_invalid_and_nan_is_not_finite() -> None:
    lines = json_lines([BOND | {"notional": "5"}, BOND | {"notional": float("nan")}])
    details = [fault.detail for fault in Portfolio.from_bytes(lines, "book.jsonl").faults.values()]
    assert details == ["notional: must be a number, not '5'", "notional: must be finite, not nan"]


def test_empty_files_are_empty_portfolios_if_their_columns_are_there() -> None:
    assert len(Portfolio.from_bytes(b"\n\n", "book.jsonl")) == 0
    assert len(Portfolio.from_bytes(b"position_id,product_type\n", "book.csv")) == 0
    assert len(Portfolio.from_bytes(parquet([]), "book.parquet")) == 0


BROKEN = [
    (b"{}", "book.xlsx", "'book.xlsx' does not end in one of .parquet, .csv, .jsonl, .ndjson"),
    (b"{}", "book", "'book' does not end in one of .parquet, .csv, .jsonl, .ndjson"),
    (b"garbage", "book.parquet", "'book.parquet' is not a readable Parquet file: "),
    (b"", "book.parquet", "'book.parquet' is not a readable Parquet file: "),
    (b"", "book.csv", "'book.csv' is not a readable CSV file: Empty CSV file"),
    (b"a,b\n1,2\n", "book.csv", "'book.csv' has no column position_id; its columns are a, b"),
    (b"position_id,product_type,coupon,coupon\n1,2,3,4\n", "b.csv", "'b.csv' has more than one column coupon"),
    (b"position_id,product_type\na,b\nc,secret,d\n", "b.csv", "Row #3: Expected 2 columns, got 3"),
    (b"position_id,product_type\n\xff,b\n", "b.csv", "'b.csv' is not a readable CSV file: "),
    (b'{"position_id": "a"}\n{"posi', "b.jsonl", "line 2 of 'b.jsonl' is not JSON: "),
    (b'{"position_id": "a"}\n\n[1]\n', "b.jsonl", "line 3 of 'b.jsonl' is not a JSON object"),
    (b"\xff\xfe\n", "b.jsonl", "line 1 of 'b.jsonl' is not JSON: "),
    (b"[" * 100_000, "b.jsonl", "line 1 of 'b.jsonl' is not JSON: "),
    (b'{"notional": 1' + b"0" * 5_000 + b"}", "b.jsonl", "line 1 of 'b.jsonl' is not JSON: "),
]


@pytest.mark.parametrize(("data", "name", "message"), BROKEN)
def test_a_file_that_cannot_be_read_says_where_and_why(data: bytes, name: str, message: str) -> None:
    found = unreadable(data, name)
    assert message in found
    assert "secret" not in found


def test_a_truncated_parquet_file_is_unreadable() -> None:
    whole = parquet(BOOK)
    for size in range(0, len(whole), 97):
        unreadable(whole[:size], "book.parquet")


@pytest.mark.parametrize(("name", "write"), FORMATS)
def test_more_positions_than_allowed_are_refused(name: str, write: Any) -> None:
    data = write([BOND] * 4)
    assert len(Portfolio.from_bytes(data, name, max_positions=4)) == 4
    with pytest.raises(Permanent) as caught:
        Portfolio.from_bytes(data, name, max_positions=3)
    assert caught.value.code == "too_large"


def test_long_texts_said_often_are_kept_once() -> None:
    often = pa.DictionaryArray.from_arrays(np.zeros(2_000, dtype=np.int32), ["x" * 1_000_000])
    data = io.BytesIO()
    pq.write_table(pa.table({"position_id": often, "product_type": ["FX_FWD"] * 2_000}), data, store_schema=False)
    assert len(data.getvalue()) < 1_100_000
    portfolio = Portfolio.from_bytes(data.getvalue(), "book.parquet")
    assert len(portfolio.faults) == 2_000
    assert {len(name) for name in portfolio.position_ids} == {256}


TEXT_OF_NO_ENCODING = pa.Array.from_buffers(
    pa.string(), 2, [None, pa.array([0, 1, 4], pa.int32()).buffers()[1], pa.py_buffer(b"\xffUSD")]
)


@pytest.mark.parametrize(
    ("field", "column"),
    [
        ("maturity_date", pa.array([2_932_897, 22_000], pa.int32()).cast(pa.date32())),
        ("maturity_date", pa.array([1, 22_000 * 86_400 * 10**9], pa.timestamp("ns"))),
        ("currency", TEXT_OF_NO_ENCODING),
        ("position_id", TEXT_OF_NO_ENCODING),
    ],
    ids=["a day after 9999", "a nanosecond", "a currency that is not UTF-8", "an id that is not UTF-8"],
)
def test_a_value_that_python_cannot_hold_is_the_fault_of_its_position(field: str, column: pa.Array) -> None:
    portfolio = Portfolio.from_bytes(parquet([BOND, BOND], **{field: column}), "book.parquet")
    assert portfolio.faults[0].code == "INVALID_TERMS"
    assert portfolio.faults[0].detail.startswith(field)


def test_a_day_beyond_the_calendar_leaves_the_other_positions_alone() -> None:
    column = pa.array([2_932_897, 22_000], pa.int32()).cast(pa.date32())
    portfolio = Portfolio.from_bytes(parquet([BOND, BOND], maturity_date=column), "book.parquet")
    assert set(portfolio.faults) == {0}


@pytest.mark.parametrize(
    "wrong",
    [
        {"notional": pa.array([None, Decimal(5)], pa.decimal128(20, 2))},
        {"maturity_date": pa.array([datetime(2031, 3, 15, 12, 30), datetime(2031, 3, 15)], pa.timestamp("us"))},  # noqa: DTZ001
        {"maturity_date": pa.array([None, datetime(2031, 3, 15)], pa.timestamp("ms"))},  # noqa: DTZ001
    ],
    ids=["a missing decimal", "a time of day", "a missing timestamp"],
)
def test_a_wrong_value_in_a_column_that_is_converted_leaves_the_other_positions_alone(wrong: dict[str, pa.Array]) -> None:
    portfolio = Portfolio.from_bytes(parquet([BOND, BOND], **wrong), "book.parquet")
    assert set(portfolio.faults) == {0}


def test_a_time_zone_that_does_not_exist_is_a_fault_of_each_position() -> None:
    column = pa.array([1_900_800_000_000_000], pa.timestamp("us", "Mars/Olympus"))
    assert "maturity_date" in Portfolio.from_bytes(parquet([BOND], maturity_date=column), "book.parquet").faults[0].detail


@pytest.mark.parametrize("field", ["position_id", "product_type", "currency", "notional"])
@pytest.mark.parametrize(
    "column",
    [
        pa.array([{"a": 1}]),
        pa.array([[1.0]]),
        pa.array([b"0123456789abcdef"], pa.binary(16)),
        pa.ExtensionArray.from_storage(pa.uuid(), pa.array([b"0123456789abcdef"], pa.binary(16))),
    ],
    ids=["struct", "list", "fixed-size binary", "uuid"],
)
def test_a_parquet_column_of_a_type_that_no_field_has_is_unreadable(field: str, column: pa.Array) -> None:
    message = unreadable(parquet([BOND], **{field: column}), "book.parquet")
    assert f"column {field} of 'book.parquet' has the type" in message


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.binary(), pa.string_view()], ids=str)
@pytest.mark.parametrize("field", ["product_type", "currency", "notional", "maturity_date"])
def test_a_long_text_in_any_column_is_kept_once(field: str, kind: pa.DataType) -> None:
    count, size = 2_000, 100_000
    rows = pa.table({name: pa.array([BOND.get(name)] * count) for name in NAMES if name != field})
    long = pa.array([b"x" * size]).cast(kind)
    data = io.BytesIO()
    with pq.ParquetWriter(data, rows.schema.append(pa.field(field, kind))) as writer:
        writer.write_table(rows.append_column(pa.field(field, kind), pa.chunked_array([long] * count)))
    assert len(data.getvalue()) < size
    portfolio, most = _watched(lambda: Portfolio.from_bytes(data.getvalue(), "book.parquet"))
    assert len(portfolio.faults) == count
    assert most < count * size / 10


def _watched(read: Callable[[], Portfolio]) -> tuple[Portfolio, int]:
    """What `read` returns, and the most bytes that Python and Arrow held for it."""
    usual = pa.default_memory_pool()
    pool = pa.proxy_memory_pool(usual)
    pa.set_memory_pool(pool)
    tracemalloc.start()
    try:
        return read(), tracemalloc.get_traced_memory()[1] + (pool.max_memory() or 0)
    finally:
        tracemalloc.stop()
        pa.set_memory_pool(usual)


@pytest.mark.parametrize("data", ["position_id".encode("utf-16"), gzip.compress(b"position_id,product_type\n", mtime=0)])
def test_a_csv_file_whose_header_is_not_utf_8_is_unreadable(data: bytes) -> None:
    assert "is not a readable CSV file" in unreadable(data, "book.csv")
