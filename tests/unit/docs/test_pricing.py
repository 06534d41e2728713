"""The tables of docs/pricing.md say of every product what the code does."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, get_args

import pytest

from events.run import Measure
from handlers.price.pricers import PRICERS, registered_types
from tests.unit.handlers.price.whole_book import AHEAD, BOOK, OVER, market, priced

PAGE = (Path(__file__).parents[3] / "docs" / "pricing.md").read_text()
VALUE, ZERO, UNSUPPORTED = "✓", "0", "–"
SETS: list[list[dict[str, Any]]] = [
    [],
    [{"kind": "rate_parallel", "currency": "*", "bp": 35.0}, {"kind": "fx", "pair": "EURUSD", "relative": 0.05}],
    [{"kind": "vol", "pair": "*", "relative": 0.1}, {"kind": "equity", "name": "*", "relative": -0.2}],
]
HAZARDS = {"kind": "hazard", "interpolation": "linear_zero", "pillars": ["2036-01-15"], "rates": [0.02]}


def rows_after(heading: str) -> list[list[str]]:
    """The cells of the first table whose header begins so."""
    found = []
    for line in PAGE[PAGE.index(heading) :].splitlines():
        if not line.startswith("|"):
            break
        found.append([cell.strip().replace("`", "") for cell in line.strip("|").split("|")])
    return found


def table() -> dict[tuple[str, str], str]:
    header, _, *rows = rows_after("| | `FIXED_BOND`")
    return {(row[0], product): cell for row in rows for product, cell in zip(header[1:], row[1:], strict=True)}


def test_the_table_has_every_measure_of_every_product() -> None:
    assert set(table()) == {(measure, product) for measure in get_args(Measure) for product in registered_types()}
    assert set(table().values()) == {VALUE, ZERO, UNSUPPORTED}


@pytest.mark.parametrize("product", registered_types())
def test_a_cell_is_unsupported_where_the_table_says_so_and_nowhere_else(product: str) -> None:
    book = [each | {"rating": "BBB"} for each in [*BOOK, *OVER, *AHEAD] if each["product_type"] == product]
    credit = market().credit_curves.model_dump() | {"ratings": {"BBB": HAZARDS}}
    run = priced(book, *SETS, measures=get_args(Measure), in_market=market(credit_curves=credit))
    for measure in get_args(Measure):
        said, places = table()[measure, product], [place for place, each in enumerate(run.measure) if each == measure]
        errors = {run.error[place] for place in places}
        if said == UNSUPPORTED:
            assert errors == {"UNSUPPORTED"}, measure
        elif said == ZERO:
            assert errors == {None}
            assert (run.values[places] == 0.0).all()
        else:
            assert None in errors, measure
            assert "UNSUPPORTED" not in errors
            assert (run.values[places] != 0.0).any()


def test_fields_are_those_that_the_product_reads() -> None:
    """Groups of fields that the table names by another section count as told there."""
    groups = {
        "dates": {"calendar", "accrual_convention", "payment_convention", "end_of_month"},
        "ex-coupon": {"ex_coupon_days", "ex_coupon_calendar"},
    }
    for product, needed, optional in rows_after("| product | fields |")[2:]:
        words = set(re.findall(r"[a-z-]+(?:_[a-z]+)*", f"{needed}, {optional}"))
        told = words.union(*(names for group, names in groups.items() if group in words))
        assert {field.name for field in PRICERS[product].fields} <= told, product
