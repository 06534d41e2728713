"""Credit default swaps: what Markit and cdsmodel.com published."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
import QuantLib as ql  # noqa: N813

from tests.unit.handlers.price.cds_books import CDS, CreditWorld
from tests.unit.handlers.price.fx_books import value
from tests.unit.handlers.price.oracle import _date

MARKET = CreditWorld("2009-03-18", {"2056-01-15": 0.03}, {"2056-01-15": 0.02}).snapshot()


@pytest.fixture(autouse=True)
def evaluation_date() -> Iterator[None]:
    """QuantLib's one date of today is left as it was."""
    before = ql.Settings.instance().evaluationDate
    yield
    ql.Settings.instance().evaluationDate = before


def markit_curve(today: ql.Date, deposits: dict[int, float], swaps: dict[int, float], every: str, pays: int) -> Any:
    """The ISDA standard curve of these par rates, by months and years, bootstrapped by QuantLib."""
    ql.Settings.instance().evaluationDate = today
    weekends, following, money = ql.WeekendsOnly(), ql.ModifiedFollowing, ql.Actual360()
    index = ql.IborIndex("isda", ql.Period(every), 2, ql.USDCurrency(), weekends, following, False, money)
    helpers = [
        ql.DepositRateHelper(rate, ql.Period(months, ql.Months), 2, weekends, following, False, money)
        for months, rate in deposits.items()
    ]
    fixed = ql.Thirty360(ql.Thirty360.BondBasis)
    helpers += [
        ql.SwapRateHelper(rate, ql.Period(years, ql.Years), weekends, pays, following, fixed, index)
        for years, rate in swaps.items()
    ]
    return ql.PiecewiseLogLinearDiscount(0, weekends, helpers, ql.Actual365Fixed())


def standard(curve: Any, today: ql.Date, maturity: ql.Date, spread: float, recovery: float) -> tuple[CreditWorld, ql.Date]:
    """The market in which a standard swap at this spread is fair, its hazard rate flat, and the day of cash settlement."""
    rule = ql.DateGeneration.CDS2015
    schedule = ql.Schedule(today, maturity, ql.Period("3M"), ql.WeekendsOnly(), ql.Following, ql.Unadjusted, rule, False)
    quoted = ql.CreditDefaultSwap(
        ql.Protection.Buyer,
        1e7,
        spread,
        schedule,
        ql.Following,
        ql.Actual360(),
        True,
        True,
        today,
        ql.FaceValueClaim(),
        ql.Actual360(True),
    )
    handle = ql.YieldTermStructureHandle(curve)
    hazard = quoted.impliedHazardRate(0.0, handle, ql.Actual365Fixed(), recovery, 1e-12, ql.CreditDefaultSwap.ISDA)
    zeros = {}
    for day, factor in curve.nodes()[1:]:
        zeros[iso(day)] = -math.log(factor) / ql.Actual365Fixed().yearFraction(today, day)
    settled = ql.WeekendsOnly().advance(today, 3, ql.Days)
    return CreditWorld(iso(today), zeros, {"2100-01-15": hazard}), settled


def iso(day: ql.Date) -> str:
    return str(day.ISO())


MARKIT_2009 = {
    ("2010-06-20", 0.001): (-97798.29358, -97776.11889),
    ("2010-06-20", 0.1): (914971.5977, 894985.6298),
    ("2011-06-20", 0.001): (-186921.3594, -186839.8148),
    ("2011-06-20", 0.1): (1646623.672, 1579803.626),
    ("2012-06-20", 0.001): (-274298.9203, -274122.4725),
    ("2012-06-20", 0.1): (2279730.93, 2147972.527),
    ("2016-06-20", 0.001): (-592420.2297, -591571.2294),
    ("2016-06-20", 0.1): (3993550.206, 3545843.418),
    ("2019-06-20", 0.001): (-797501.1422, -795915.9787),
    ("2019-06-20", 0.1): (4702034.688, 4042340.999),
}


def test_upfronts_are_those_that_markit_published() -> None:
    """Markit's ISDA standard model: 10 million at 100 bp on 21 May 2009, quoted at 10 and 1,000 bp, recovery 20 and 40 %.

    The curve's rates and the upfronts are the ones that QuantLib's own test of its engine has (creditdefaultswap.cpp,
    testIsdaEngine), which agrees with them to 1e-8. Upfront: what the buyer pays beside the premium accrued.
    """
    deposits = {1: 0.003081, 2: 0.005525, 3: 0.007163, 6: 0.012413, 9: 0.014, 12: 0.015488}
    years = (2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 15, 20, 25, 30)
    rates = (
        0.011907, 0.01699, 0.021198, 0.02444, 0.026937, 0.028967, 0.030504, 0.031719,
        0.03279, 0.034535, 0.036217, 0.036981, 0.037246, 0.037605,
    )  # fmt: skip
    today = ql.Date(21, 5, 2009)
    curve = markit_curve(today, deposits, dict(zip(years, rates, strict=True)), "3M", ql.Semiannual)
    for (maturity, spread), upfronts in MARKIT_2009.items():
        for recovery, upfront in zip((0.2, 0.4), upfronts, strict=True):
            world, settled = standard(curve, today, _date(maturity), spread, recovery)
            swap = CDS | {"start_date": "2009-03-20", "maturity_date": maturity, "calendar": "WEEKENDS"}
            options = {"in_market": world.snapshot(), "valuation": date(2009, 5, 21)}
            dirty, accrued = (value(swap | {"recovery_rate": recovery}, name, **options) for name in ("PV", "ACCRUED"))
            assert dirty / curve.discount(settled) - accrued == pytest.approx(upfront, rel=1e-7), (maturity, spread, recovery)


def test_a_value_at_negative_rates_is_the_one_that_markit_published() -> None:
    """Markit: 1 million at 100 bp to 2026-06-20, quoted at 67.13 bp on 26 July 2021: -16,070.7, of which 1,000 accrued.

    Terms and value as in QuantLib's testIsdaCalculatorReconcileSingleQuote, to one part in 100,000.
    """
    deposits = {1: -0.0056, 3: -0.005440, 6: -0.005190, 12: -0.004930}
    years = (2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 15, 20, 30)
    rates = (
        -0.004820, -0.004420, -0.003990, -0.003520, -0.002970, -0.002370, -0.001760, -0.001140,
        -0.000540, 0.000570, 0.001880, 0.002940, 0.002820,
    )  # fmt: skip
    today = ql.Date(26, 7, 2021)
    curve = markit_curve(today, deposits, dict(zip(years, rates, strict=True)), "6M", ql.Annual)
    world, settled = standard(curve, today, ql.Date(20, 6, 2026), 0.006713, 0.4)
    swap = CDS | {"notional": 1e6, "start_date": "2021-06-20", "maturity_date": "2026-06-20", "calendar": "WEEKENDS"}
    options = {"in_market": world.snapshot(), "valuation": date(2021, 7, 26)}
    dirty, accrued = (value(swap, name, **options) for name in ("PV", "ACCRUED"))
    assert accrued == pytest.approx(-1_000.0)
    assert dirty - accrued * curve.discount(settled) == pytest.approx(-16_070.7, rel=1e-5)


@pytest.mark.parametrize(
    ("day", "amount"),
    [
        ("2009-03-18", 24166.67),
        ("2009-03-20", 277.78),
        ("2009-03-23", 1111.11),
        ("2009-06-19", 25555.56),
        ("2009-06-20", 25833.33),
        ("2009-06-22", 277.78),
        ("2014-06-18", 25277.78),
        ("2014-06-19", 25555.56),
    ],
)
def test_accrued_premiums_are_those_of_the_standard_model(day: str, amount: float) -> None:
    """10 million at 100 bp to 2014-06-20: figures of the test results on cdsmodel.com, as QuantLib's
    testAccrualRebateAmounts has them. On the eve of a payment those count it as gone; here it is still to come.
    """
    options = {"valuation": date.fromisoformat(day), "in_market": MARKET}
    swap = CDS | {"start_date": "2008-12-20", "maturity_date": "2014-06-20", "calendar": "WEEKENDS"}
    assert value(swap, "ACCRUED", **options) == pytest.approx(-amount, abs=0.005)
