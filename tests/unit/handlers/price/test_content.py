"""A portfolio's content: the same positions have one digest in every kind of file, and no others have it."""

from __future__ import annotations

import hashlib
import json
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.failures import Permanent
from handlers.price import content
from handlers.price.content import Content, read_content
from handlers.price.portfolio import Portfolio

FORWARD = {
    "position_id": "p0",
    "product_type": "FX_FWD",
    "base_currency": "EUR",
    "quote_currency": "USD",
    "notional": 1000,
    "strike": 1.25,
    "maturity_date": "2027-01-15",
}


def written(path: Path, *lines: str | dict[str, Any]) -> Path:
    path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines))
    return path


def read(path: Path) -> Content:
    return read_content(path, lambda _: None)


def digest(path: Path) -> str:
    return read(path).sha256.hex()


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("book.xlsx", b"PK", "does not end in one of .parquet, .csv, .jsonl, .ndjson"),
        ("book", b"", "does not end in one of"),
        ("book.parquet", b"PAR1 no such thing", "'book.parquet' is not a readable Parquet file"),
        ("book.csv", b"", "'book.csv' is not a readable CSV file"),
        ("book.csv", b"position_id,notional\np0,1\n", "'book.csv' has no column product_type"),
        ("book.csv", b"position_id,product_type,strike,strike\n", "has more than one column strike"),
        ("book.csv", b"position_id,product_type,desk,desk\n", "has more than one column desk"),
        ("book.csv", b"position_id,product_type\np0,FX_FWD\np1,secret,3\n", "Expected 2 columns, got 3"),
        ("book.jsonl", b'{"position_id": "p0"}\n\n{"position_id": ', "line 3 of 'book.jsonl' is not JSON"),
        ("book.ndjson", b"[1]", "line 1 of 'book.ndjson' is not a JSON object"),
    ],
)
def test_what_is_no_portfolio_says_where_and_why(tmp_path: Path, name: str, text: bytes, message: str) -> None:
    path = tmp_path / name
    path.write_bytes(text)
    with pytest.raises(Permanent) as caught:
        read(path)
    assert caught.value.code == "portfolio_unreadable"
    assert message in caught.value.message
    assert "secret" not in caught.value.message


def test_a_parquet_file_that_runs_cannot_read_is_refused_already_here(tmp_path: Path) -> None:
    path = tmp_path / "book.parquet"
    pyarrow.parquet.write_table(pa.table({"position_id": ["p0"], "product_type": ["FX_FWD"], "notional": [[1.0]]}), path)
    with pytest.raises(Permanent, match="which no field can have"):
        read(path)


@pytest.mark.parametrize(
    "line",
    [
        json.dumps(dict(reversed(FORWARD.items())), indent=None, separators=(" ,", " : ")),
        json.dumps(FORWARD | {"notional": 1000.0, "credit_spread": None}),
        "\ufeff" + json.dumps(FORWARD),
        "\n  \n" + json.dumps(FORWARD) + "\n",
    ],
)
def test_how_a_position_is_written_makes_no_other_content(tmp_path: Path, line: str) -> None:
    plain = digest(written(tmp_path / "plain.jsonl", FORWARD))
    assert digest(written(tmp_path / "other.jsonl", line)) == plain


@pytest.mark.parametrize(
    "other",
    [
        {"position_id": "p1"},
        {"notional": 1000.0000001},
        {"notional": "1000"},
        {"notional": True},
        {"notional": None},
        {"notional": float("nan")},
        {"notional": 10**400},
        {"maturity_date": "2027-01-16"},
        {"desk": "rates"},
        {"desk": ""},
    ],
)
def test_every_value_counts_also_a_wrong_one_and_one_that_nothing_is_priced_by(tmp_path: Path, other: dict[str, Any]) -> None:
    plain = digest(written(tmp_path / "plain.jsonl", FORWARD))
    assert digest(written(tmp_path / "other.jsonl", FORWARD | other)) != plain


def test_order_and_repetition_count(tmp_path: Path) -> None:
    other = FORWARD | {"position_id": "p1"}
    orders = ([FORWARD, other], [other, FORWARD], [FORWARD, other, other], [FORWARD], [])
    assert len({digest(written(tmp_path / "book.jsonl", *order)) for order in orders}) == len(orders)


TABLE = pa.table(
    {
        "position_id": pa.array([7, 8, 9]),
        "product_type": pa.array(["FX_FWD", "FX_FWD", None]).dictionary_encode(),
        "notional": pa.array([Decimal("1000.50"), None, Decimal(-3)], pa.decimal128(12, 2)),
        "strike": pa.array([1, 2, 3], pa.int16()),
        "base_currency": ["EUR", None, None],
        "quote_currency": ["USD", None, None],
        "maturity_date": pa.array([datetime(2027, 1, 15), datetime(2028, 2, 29), None], pa.timestamp("ms")),  # noqa: DTZ001
        "start_date": pa.array([date(2026, 1, 1), None, date(1999, 12, 31)]),
        "desk": ["rates", "a,b\nc", None],
    }
)
FIRST = FORWARD | {"position_id": "7", "notional": 1000.5, "strike": 1, "start_date": "2026-01-01", "desk": "rates"}
LINES = (
    json.dumps(FIRST),
    '{"position_id":"8","product_type":"FX_FWD","strike":2.0,"maturity_date":"2028-02-29","desk":"a,b\\nc"}',
    '{"position_id":"9","notional":-3,"strike":3,"start_date":"1999-12-31"}',
)
CSV = (
    "desk,position_id,product_type,notional,strike,maturity_date,start_date,base_currency,quote_currency\n"
    'rates,7,FX_FWD,1000.50, 1 ,2027-01-15,2026-01-01,EUR,USD\n"a,b\nc",8,FX_FWD,,2,2028-02-29,,,\n,9,,-3e0,3,,1999-12-31,,\n'
)


@pytest.mark.parametrize("batch", [1, 2, 4096])
def test_the_same_positions_are_the_same_content_in_every_kind_of_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    monkeypatch.setattr(content, "BATCH_ROWS", batch)
    pyarrow.parquet.write_table(TABLE, tmp_path / "book.parquet", row_group_size=2)
    written(tmp_path / "book.jsonl", *LINES)
    (tmp_path / "book.csv").write_text(CSV)
    found = {ending: read(tmp_path / f"book{ending}") for ending in (".parquet", ".jsonl", ".csv")}
    assert len({each.sha256 for each in found.values()}) == 1
    for each in found.values():
        assert (each.positions, dict(each.products)) == (3, {"FX_FWD": 2, "other": 1})
    assert len({repr(_portfolio(tmp_path / f"book{ending}")) for ending in found}) == 1


def test_what_cannot_be_held_as_a_value_is_content_all_the_same(tmp_path: Path) -> None:
    days = pa.array([2**31 - 1, 0], pa.int32()).cast(pa.date32())
    table = pa.table({"position_id": ["p0", "p1"], "product_type": ["FX_FWD"] * 2, "maturity_date": days})
    pyarrow.parquet.write_table(table, tmp_path / "book.parquet")
    assert read(tmp_path / "book.parquet").positions == 2
    written(tmp_path / "book.jsonl", '{"position_id":"\\ud800","product_type":"FX_FWD"}')
    assert read(tmp_path / "book.jsonl").positions == 1


def test_the_digest_can_be_computed_by_other_programs(tmp_path: Path) -> None:
    line = (
        '{"base_currency":"EUR","maturity_date":"2027-01-15","notional":1000.0,"position_id":"p0","product_type":"FX_FWD",'
        '"quote_currency":"USD","strike":1.25}\n'
    )
    assert digest(written(tmp_path / "book.jsonl", FORWARD)) == hashlib.sha256(line.encode()).hexdigest()


def test_a_file_of_arbitrarily_many_product_types_is_counted_in_bounded_memory(tmp_path: Path) -> None:
    lines = [FORWARD | {"product_type": f"T{number}"} for number in range(5000)]
    products = read(written(tmp_path / "book.jsonl", *lines)).products
    assert len(products) == content.MOST_TYPES + 1
    assert products.total() == 5000


def test_how_far_it_is_is_told_in_bytes_up_to_the_whole_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content, "BATCH_ROWS", 10)
    pyarrow.parquet.write_table(pa.concat_tables([TABLE] * 9), tmp_path / "book.parquet")
    written(tmp_path / "book.jsonl", *LINES * 9)
    (tmp_path / "book.csv").write_text(CSV)
    for ending in (".parquet", ".jsonl", ".csv"):
        path, told = tmp_path / f"book{ending}", list[int]()
        read_content(path, told.append)
        assert told == sorted(told)
        assert told[-1] == path.stat().st_size


NUMBERS = st.integers(-10, 10) | st.floats(-10, 10)
VALUES = st.none() | st.booleans() | NUMBERS | st.sampled_from(["", "x", "3", "FX_FWD", "2027-01-15"])
CHANGES = st.dictionaries(st.sampled_from([*FORWARD, "credit_spread"]), VALUES)


def respelt(value: Any) -> Any:
    """The same to some readers, and not to others."""
    spellings = {bool: int, int: float, float: str, str: lambda text: text or None}
    return value if value is None else spellings[type(value)](value)


@settings(max_examples=60)
@given(CHANGES, st.booleans())
def test_positions_of_one_content_are_read_alike(tmp_path_factory: pytest.TempPathFactory, changes: Any, drop: bool) -> None:
    path = tmp_path_factory.getbasetemp() / "book.jsonl"
    one = FORWARD | changes
    other = {name: respelt(value) for name, value in one.items() if not (drop and value is None)}
    digests, read_as = list[str](), list[str]()
    for each in (one, other):
        digests.append(digest(written(path, each)))
        read_as.append(repr(_portfolio(path)))
    assert read_as[0] == read_as[1] or digests[0] != digests[1]


def _portfolio(path: Path) -> tuple[Any, ...]:
    """What the pricers make of a file."""
    portfolio = Portfolio.from_bytes(path.read_bytes(), path.name)
    return (
        portfolio.position_ids,
        [(group.product_type, group.rows, group.terms) for group in portfolio.groups],
        portfolio.faults,
    )
