"""Positions are priced in an order of their own, of which nothing is seen in the results."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest

from handlers.price import neighbours
from handlers.price.dates import month_and_day
from handlers.price.engine import price_run
from handlers.price.neighbours import by_currency, side_by_side
from handlers.price.portfolio import Portfolio
from handlers.price.sheet import PricedRun, Sheet
from tests.unit.handlers.price import fx_books
from tests.unit.handlers.price.books import BOND, LOAN, VALUATION, market, scenarios

MEASURES = ("PV", "ACCRUED", "KRD", "CASHFLOWS")


def maturing(number: int) -> dict[str, Any]:
    """Bonds and loans of both currencies, paid on all days of a month."""
    kind = LOAN if number % 3 else BOND
    matures = date(2028, 1, 1) + timedelta(37 * number % 1_000)
    return kind | {
        "position_id": f"p{number}",
        "currency": ("USD", "EUR")[number % 2],
        "maturity_date": matures.isoformat(),
    }


def priced(book: list[dict[str, Any]]) -> PricedRun:
    moved = scenarios([], [{"kind": "rate_parallel", "currency": "*", "bp": 25.0}])
    return price_run(Portfolio.from_records(book), market(), moved, MEASURES, VALUATION)


def test_positions_on_the_same_curve_and_day_of_the_month_lie_side_by_side(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "_MANY", 2)
    terms = Portfolio.from_records([maturing(number) for number in range(1, 200, 3)]).groups[0].terms
    order = side_by_side(terms, np.arange(3, 60))
    assert sorted(order.tolist()) == list(range(3, 60))
    key = terms.currency[order] * 32 + month_and_day(terms.maturity[order])[1]
    assert np.count_nonzero(np.diff(key)) == np.unique(key).size - 1


def test_parts_are_apart_by_currency_where_that_leaves_many_flows_in_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "_MANY", 2)
    terms = Portfolio.from_records([maturing(number) for number in range(1, 200, 3)]).groups[0].terms
    order = side_by_side(terms, np.arange(terms.currency.size))
    [together] = by_currency(terms, order)
    np.testing.assert_array_equal(together, order)
    monkeypatch.setattr(neighbours, "_MANY_FLOWS", int(terms.sizes.sum()) // 2)
    parts = by_currency(terms, order)
    assert [np.unique(terms.currency[part]).size for part in parts] == [1, 1]
    np.testing.assert_array_equal(np.concatenate(parts), order)
    mixed = by_currency(terms, np.arange(terms.currency.size))
    assert [np.unique(terms.currency[part]).size for part in mixed] == [1, 1]
    assert all((np.diff(part) > 0).all() for part in mixed)


def test_rows_come_in_the_portfolio_s_order_and_hold_what_each_position_has_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    book = [maturing(number) for number in range(90)]
    in_order = priced(book)
    monkeypatch.setattr(neighbours, "_MANY", 2)
    taken: list[bool] = []

    def watched(terms: Any, chosen: Any) -> Any:
        order = side_by_side(terms, chosen)
        taken.append(bool((np.diff(order) < 0).any()))
        return order

    monkeypatch.setattr("handlers.price.filling.side_by_side", watched)
    ordered = priced(book)
    assert all(taken), "the order of the portfolio would have been no test"
    assert (ordered.measure, ordered.bucket, ordered.error) == (in_order.measure, in_order.bucket, in_order.error)
    np.testing.assert_array_equal(ordered.row_no, in_order.row_no)
    np.testing.assert_array_equal(ordered.values, in_order.values)
    for name in ("PV", "ACCRUED"):
        np.testing.assert_allclose(list(ordered.totals[name].values()), list(in_order.totals[name].values()), rtol=1e-12)


def test_what_never_matures_has_its_place_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "_MANY", 2)
    book = [fx_books.SHARES | {"position_id": f"p{number}"} for number in range(5)]
    found = price_run(Portfolio.from_records(book), fx_books.snapshot(), (), ("PV",), VALUATION)
    assert found.errors == 0
    assert np.ptp(found.values) == 0.0


def test_values_go_to_the_rows_of_their_positions_though_the_first_and_the_last_stand_as_in_the_portfolio() -> None:
    sheet = Sheet(np.ones((4, 1), dtype=np.int64), ("base",), {})
    order = np.array([0, 2, 1, 3])
    sheet.put(order, 0, slice(None), order[:, None].astype(np.float64))
    np.testing.assert_array_equal(sheet.values[:, 0], [0.0, 1.0, 2.0, 3.0])
