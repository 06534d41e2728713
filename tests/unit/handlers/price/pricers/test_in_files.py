"""These products in files: the same positions, whatever they came in."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from handlers.price.engine import price_run
from handlers.price.portfolio import Portfolio
from tests.unit.handlers.price.books import VALUATION
from tests.unit.handlers.price.cds_books import CDS
from tests.unit.handlers.price.fx_books import CASH, NDF, OPTION, SHARES, SWAP
from tests.unit.handlers.price.test_engine_fx_and_credit import MARKET, MEASURES

BOOK: list[dict[str, Any]] = [
    SWAP,
    NDF,
    OPTION,
    OPTION | {"option_type": "put", "delivery_date": None},
    CDS | {"upfront": 0.01, "upfront_date": "2026-02-01", "frequency": 4, "calendar": "WEEKENDS", "recovery_rate": 0.35},
    CDS | {"issuer": None, "rating": "BBB"},
    CDS | {"issuer": "Nobody"},
    SHARES | {"equity": "Muster AG", "currency": "EUR"},
    CASH,
]
FIELDS = list(dict.fromkeys(name for position in BOOK for name in position))


def as_csv() -> bytes:
    text = io.StringIO()
    rows = csv.DictWriter(text, FIELDS)
    rows.writeheader()
    rows.writerows(BOOK)
    return text.getvalue().encode()


def as_parquet() -> bytes:
    content = io.BytesIO()
    pyarrow.parquet.write_table(pa.table({name: [position.get(name) for position in BOOK] for name in FIELDS}), content)
    return content.getvalue()


def as_json_lines() -> bytes:
    return "\n".join(json.dumps(position) for position in BOOK).encode()


@pytest.mark.parametrize(("name", "content"), [("b.csv", as_csv()), ("b.parquet", as_parquet()), ("b.jsonl", as_json_lines())])
def test_positions_are_the_same_in_every_kind_of_file(name: str, content: bytes) -> None:
    plain = price_run(Portfolio.from_records(BOOK), MARKET, [], MEASURES, VALUATION)
    read = price_run(Portfolio.from_bytes(content, name), MARKET, [], MEASURES, VALUATION)
    np.testing.assert_array_equal(read.values, plain.values)
    assert (read.error, read.error_detail, read.bucket) == (plain.error, plain.error_detail, plain.bucket)
    assert "no hazard curve of issuer Nobody" in plain.error_detail
