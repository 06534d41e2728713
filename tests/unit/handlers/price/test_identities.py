"""Terms at which a position is worth nothing, found without the pricer that is asked."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import pytest
import QuantLib as ql  # noqa: N813
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.unit.handlers.price.books import VALUATION, ZERO_BOND, only_value
from tests.unit.handlers.price.cds_books import CDS, CreditWorld, quantlib_swap, worlds
from tests.unit.handlers.price.cds_books import swaps as default_swaps
from tests.unit.handlers.price.rates_books import SWAP
from tests.unit.handlers.price.whole_book import priced

SINGLE = {"index": "USD-TERM", "spread": None, "fixed_day_count": "ACT/365F", "floating_day_count": "ACT/360"}


def discounts(days: list[date]) -> list[float]:
    found: list[float] = (
        priced([ZERO_BOND | {"notional": 1.0, "maturity_date": day.isoformat()} for day in days]).values[:, 0].tolist()
    )
    return found


def later(day: date, months: int) -> date:
    years, month = divmod(day.month - 1 + months, 12)
    return day.replace(year=day.year + years, month=month + 1)


@settings(max_examples=25)
@given(
    st.dates(VALUATION + timedelta(days=1), date(2031, 1, 1)),
    st.integers(1, 12),
    st.sampled_from([1, 2, 4]),
    st.sampled_from([1, 2, 4]),
)
def test_a_swap_at_the_par_rate_is_worth_nothing(start: date, years: int, fixed: int, floating: int) -> None:
    """On one curve the floating leg is worth DF(start) - DF(end), whatever its frequency; start is no day that clips."""
    assume(start.day <= 28)
    dates = [later(start, 12 // fixed * place) for place in range(years * fixed + 1)]
    begin, *paid = discounts(dates)
    years_of = [(last - first).days / 365 for first, last in pairwise(dates)]
    annuity = sum(factor * length for factor, length in zip(paid, years_of, strict=True))
    par = (begin - paid[-1]) / annuity
    swap = SWAP | SINGLE | {"start_date": start.isoformat(), "maturity_date": dates[-1].isoformat()}
    swap |= {"fixed_rate": par, "fixed_frequency": fixed, "floating_frequency": floating}
    assert only_value(priced([swap])) == pytest.approx(0.0, abs=1e-8 * SWAP["notional"])
    paid_more = swap | {"fixed_rate": par + 0.01}
    assert only_value(priced([paid_more])) == pytest.approx(-0.01 * annuity * SWAP["notional"], rel=1e-9)


@settings(max_examples=25)
@given(default_swaps(), worlds)
def test_protection_at_quantlibs_fair_spread_is_worth_nothing(position: dict[str, Any], world: CreditWorld) -> None:
    """Fair for the premiums that are still to be paid, accrued ones included; none may be paid on the next day."""
    today = date.fromisoformat(world.valuation)
    position = position | {"upfront": None, "upfront_date": None, "coupon": 0.01}
    assume(position["recovery_rate"] < 0.99 and date.fromisoformat(position["maturity_date"]) > today + timedelta(days=10))
    before = ql.Settings.instance().evaluationDate
    try:
        ql.Settings.instance().evaluationDate = ql.Date(today.day, today.month, today.year)
        swap = quantlib_swap(position)
        assume(all(flow.date() != ql.Settings.instance().evaluationDate + 1 for flow in swap.coupons()))
        swap.setPricingEngine(ql.IsdaCdsEngine(world.default(), position["recovery_rate"], world.discount()))
        fair = swap.fairSpread()
    finally:
        ql.Settings.instance().evaluationDate = before
    found = priced([position | {"coupon": fair}], valuation=today, in_market=world.snapshot())
    assert only_value(found) == pytest.approx(0.0, abs=1e-8 * abs(position["notional"]))
    assert fair > 0.0


def test_a_premium_above_the_fair_one_costs_the_buyer() -> None:
    run = priced([CDS | {"coupon": coupon} for coupon in (0.0, 0.5)])
    assert run.values[0, 0] > 0.0 > run.values[1, 0]
