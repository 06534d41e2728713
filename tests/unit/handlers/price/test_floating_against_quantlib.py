"""Floating-rate bonds and swaps against QuantLib, over random positions, shocks and days, and against its own instruments."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
import QuantLib as ql  # noqa: N813  its own examples call it so
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests.unit.handlers.price import rates_oracle
from tests.unit.handlers.price.books import VALUATION, days, rates, scenario_sets
from tests.unit.handlers.price.oracle import _date
from tests.unit.handlers.price.rates_books import FLOATER, SWAP, floating, priced, rates_world, value
from tests.unit.handlers.price.rates_oracle import RatesWorld

# Of the notional.
TOLERANCE = 1e-8
SCALARS = {"PV": rates_oracle.present_value, "ACCRUED": rates_oracle.accrued, "DV01": rates_oracle.dv01}

valuations = st.one_of(st.just(date(2026, 1, 15)), days(date(2025, 1, 1), date(2027, 1, 1)))


@settings(max_examples=25)
@given(st.lists(floating, min_size=1, max_size=3), scenario_sets, valuations)
def test_every_measure_agrees_with_quantlib(book: list[dict[str, Any]], sets: list[Any], valuation: date) -> None:
    run = priced(book, *sets, measures=("PV", "ACCRUED", "DV01", "CS01", "KRD"), valuation=valuation)
    base = rates_world(valuation)
    worlds = [base.shocked(shocks) for shocks in sets]
    found = {
        (row, measure, bucket): values
        for row, measure, bucket, values in zip(run.row_no.tolist(), run.measure, run.bucket, run.values, strict=True)
    }
    for row, position in enumerate(book):
        close = {"abs": TOLERANCE * max(1.0, abs(position["notional"])), "rel": 0.0}
        scalars = SCALARS if position["product_type"] == "IRS" else SCALARS | {"CS01": rates_oracle.cs01}
        for measure, reference in scalars.items():
            expected = [reference(position, each) for each in worlds]
            assert found[row, measure, ""].tolist() == pytest.approx(expected, **close), (measure, position)
        key_rates = [rates_oracle.krd(position, each) for each in worlds]
        assert [bucket for number, measure, bucket in found if (number, measure) == (row, "KRD")] == list(key_rates[0])
        for bucket in key_rates[0]:
            expected = [each[bucket] for each in key_rates]
            assert found[row, "KRD", bucket].tolist() == pytest.approx(expected, **close), (bucket, position)
    assert {run.measure[place] for place in np.flatnonzero([code is not None for code in run.error])} <= {"CS01"}


@pytest.fixture
def quantlib_today() -> Iterator[None]:
    """QuantLib's instruments go by a date and by fixings that it keeps for all."""
    before = ql.Settings.instance().evaluationDate
    yield
    ql.Settings.instance().evaluationDate = before
    ql.IndexManager.instance().clearHistories()


def ql_index(name: str, frequency: int, calendar: ql.Calendar, counter: ql.DayCounter, of: RatesWorld) -> ql.IborIndex:
    """QuantLib's index on the projection curve, with every fixing that it may ask for."""
    ql.Settings.instance().evaluationDate = _date(of.discount.valuation)
    curve = ql.YieldTermStructureHandle(of.projection(name, of.currencies[name]))
    tenor = ql.Period(12 // frequency, ql.Months)
    index = ql.IborIndex(name, tenor, 2, ql.EURCurrency(), calendar, ql.ModifiedFollowing, False, counter, curve)
    ql.IndexManager.instance().clearHistories()
    for day, rate in of.fixings[name].items():
        if calendar.isBusinessDay(_date(day)):
            index.addFixing(_date(day), rate)
    return index


spans = st.tuples(st.integers(-900, 900), st.integers(30, 4000))


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(spans, st.sampled_from([1, 2]), st.sampled_from([2, 4]), rates, rates, st.sampled_from(["pay", "receive"]))
def test_a_swap_is_worth_what_quantlibs_vanilla_swap_is(
    quantlib_today: None, span: tuple[int, int], fixed: int, floating: int, rate: float, spread: float, side: str
) -> None:
    """TARGET, modified following, fixed two business days before; QuantLib's own adjusted schedules, index and engine."""
    of, start = rates_world(), VALUATION + timedelta(span[0])
    assume(start + timedelta(span[1]) > VALUATION + timedelta(7))
    swap = SWAP | {
        "currency": "EUR", "index": "EURIBOR-6M", "pay_receive": side, "notional": 100.0, "fixed_rate": rate, "spread": spread,
        "start_date": start.isoformat(), "maturity_date": (start + timedelta(span[1])).isoformat(),
        "fixed_frequency": fixed, "floating_frequency": floating, "calendar": "TARGET", "fixing_days": 2,
        "accrual_convention": "modified_following",
    }  # fmt: skip
    target, rule = ql.TARGET(), ql.ModifiedFollowing
    ends = _date(swap["start_date"]), _date(swap["maturity_date"])
    legs = [
        ql.Schedule(*ends, ql.Period(12 // times, ql.Months), target, rule, rule, ql.DateGeneration.Backward, False)
        for times in (fixed, floating)
    ]
    index = ql_index("EURIBOR-6M", floating, target, ql.Actual360(), of)
    kind = ql.VanillaSwap.Payer if side == "pay" else ql.VanillaSwap.Receiver
    fixed_count = ql.Thirty360(ql.Thirty360.BondBasis)
    theirs = ql.VanillaSwap(kind, 100.0, legs[0], rate, fixed_count, legs[1], index, spread, ql.Actual360())
    theirs.setPricingEngine(ql.DiscountingSwapEngine(ql.YieldTermStructureHandle(of.discount.discount("EUR"))))
    assert value(swap, in_market=of) == pytest.approx(theirs.NPV(), abs=1e-7)
    fair = swap | {"fixed_rate": theirs.fairRate()}
    assert value(fair, in_market=of) == pytest.approx(0.0, abs=1e-7)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(spans, st.sampled_from([1, 2, 4]), rates, st.sampled_from([0, 7]))
def test_a_floating_bond_is_worth_what_quantlibs_is(
    quantlib_today: None, span: tuple[int, int], frequency: int, spread: float, ex_days: int
) -> None:
    """Unadjusted, fixed two days before, each day being a business day; value and accrued interest."""
    of, start = rates_world(), VALUATION + timedelta(span[0])
    assume(start + timedelta(span[1]) > VALUATION)
    bond = FLOATER | {
        "notional": 100.0, "frequency": frequency, "spread": spread, "fixing_days": 2, "ex_coupon_days": ex_days,
        "start_date": start.isoformat(), "maturity_date": (start + timedelta(span[1])).isoformat(),
    }  # fmt: skip
    everyday = ql.NullCalendar()
    ends, step = (_date(bond["start_date"]), _date(bond["maturity_date"])), ql.Period(12 // frequency, ql.Months)
    plain = ql.Unadjusted
    dates = ql.Schedule(*ends, step, everyday, plain, plain, ql.DateGeneration.Backward, False)
    index = ql_index("USD-SOFR-3M", frequency, everyday, ql.Actual360(), of)
    ex = ql.Period(ex_days, ql.Days) if ex_days else ql.Period()
    terms = ([1.0], [spread], [], [], False, 100.0, ql.Date(), ex, everyday)
    theirs = ql.FloatingRateBond(0, 100.0, dates, index, ql.Actual360(), plain, 2, *terms)
    theirs.setPricingEngine(ql.DiscountingBondEngine(ql.YieldTermStructureHandle(of.discount.discount("USD"))))
    assert value(bond, in_market=of) == pytest.approx(theirs.NPV(), abs=1e-7)
    assert value(bond, "ACCRUED", in_market=of) == pytest.approx(theirs.accruedAmount(_date(VALUATION.isoformat())), abs=1e-9)
