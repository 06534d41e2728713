"""Value and accrued interest around coupon dates, where holidays, month ends and ex dates tell, against QuantLib."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.handlers.price import books, oracle, rates_books, rates_oracle
from tests.unit.handlers.price.books import lending
from tests.unit.handlers.price.rates_books import floating, rates_world

TOLERANCE = 1e-8


@st.composite
def around_a_coupon(draw: st.DrawFn, position: dict[str, Any]) -> date:
    """A day from a week and a half before one of the contract's dates to some days after it."""
    terms = rates_oracle.leg(position, "floating" if position["product_type"] == "IRS" else "")
    dates = list(oracle.unadjusted_schedule(terms))
    late = st.sampled_from([0, 1])
    return draw(st.sampled_from(dates)).to_date() + timedelta(draw(st.one_of(late, st.integers(-11, 4))))


def at_some_rate(position: dict[str, Any]) -> dict[str, Any]:
    """Without interest there is nothing to tell by."""
    name = "coupon" if "coupon" in position else "rate"
    return position | {name: position[name] or 0.05}


def check(position: dict[str, Any], found: dict[str, float], expected: dict[str, float]) -> None:
    for measure, reference in expected.items():
        assert found[measure] == pytest.approx(reference, abs=TOLERANCE * max(1.0, abs(position["notional"]))), measure


bonds_and_loans = st.one_of(lending("FIXED_BOND", with_rules=True), lending("AMORT_LOAN", with_rules=True))


@settings(max_examples=200)
@given(st.data(), bonds_and_loans.map(at_some_rate))
def test_bonds_and_loans_around_their_coupons_agree_with_quantlib(data: st.DataObject, position: dict[str, Any]) -> None:
    valuation = data.draw(around_a_coupon(position))
    world = books.world(valuation)
    found = {name: books.value(position, name, valuation=valuation) for name in ("PV", "ACCRUED")}
    check(position, found, {"PV": oracle.present_value(position, world), "ACCRUED": oracle.accrued(position, world)})


@settings(max_examples=60)
@given(st.data(), floating)
def test_floating_bonds_and_swaps_around_their_coupons_agree_with_quantlib(
    data: st.DataObject, position: dict[str, Any]
) -> None:
    valuation = data.draw(around_a_coupon(position))
    world = rates_world(valuation)
    found = {name: rates_books.value(position, name, valuation=valuation, in_market=world) for name in ("PV", "ACCRUED")}
    expected = {"PV": rates_oracle.present_value(position, world), "ACCRUED": rates_oracle.accrued(position, world)}
    check(position, found, expected)
