"""Profit and loss over days on which something is paid."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from handlers.price.portfolio import Portfolio
from handlers.price.risk.explain import Explained, Snapshot, explain
from tests.unit.handlers.price.books import BOND, DEPOSIT, FORWARD, LOAN, ZERO_BOND, market, value, world

BEFORE, AFTER = date(2026, 3, 10), date(2026, 3, 20)


def explained(book: list[dict[str, Any]], first: date = BEFORE, last: date = AFTER) -> Explained:
    snapshots = (Snapshot(market(world(day)), day) for day in (first, last))
    return explain(Portfolio.from_records(book), *snapshots, "USD")


def test_a_coupon_in_between_is_carry_and_no_loss() -> None:
    """21,250 dollars are paid on 15 March."""
    found = explained([BOND])
    later = value(BOND, valuation=AFTER, in_market=world(AFTER))
    before = value(BOND, valuation=BEFORE, in_market=world(BEFORE))
    assert found.totals["carry"] == pytest.approx(later + 21_250.0 - before, abs=1e-4)
    assert 0.0 < found.totals["carry"] < 3_000.0
    assert found.missing == 0


@pytest.mark.parametrize(
    ("position", "payment"),
    [
        (BOND | {"maturity_date": "2026-03-15"}, 1_021_250.0),
        (ZERO_BOND | {"maturity_date": "2026-03-15", "currency": "USD"}, None),
        (DEPOSIT | {"maturity_date": "2026-03-15", "currency": "USD"}, None),
    ],
)
def test_what_is_repaid_in_between_is_not_lost(position: dict[str, Any], payment: float | None) -> None:
    found = explained([position])
    assert value(position, valuation=AFTER, in_market=world(AFTER)) == 0.0
    assert found.missing == 0
    assert 0.0 < found.totals["total"] < 0.002 * abs(position["notional"])
    if payment is not None:
        before = value(position, valuation=BEFORE, in_market=world(BEFORE))
        assert found.totals["total"] == pytest.approx(payment - before)


def test_instalments_of_loans_are_counted_and_a_day_too_early_is_not() -> None:
    loan = LOAN | {"currency": "USD"}
    with_payment = explained([loan], date(2026, 3, 30), date(2026, 3, 31)).totals["carry"]
    without = explained([loan], date(2026, 3, 29), date(2026, 3, 30)).totals["carry"]
    assert abs(with_payment - without) < 0.001 * loan["notional"] / 12


def test_forwards_that_mature_in_between_are_settled_at_the_spot_of_before() -> None:
    forward = FORWARD | {"maturity_date": "2026-03-15"}
    found = explained([forward])
    assert found.missing == 0
    assert abs(found.totals["total"]) < 0.002 * forward["notional"]
