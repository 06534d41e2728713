"""Bonds whose dates move off holidays and whose coupons are traded ex, worked out by hand."""

from __future__ import annotations

import math
from datetime import date
from typing import Any

import pytest

from tests.unit.handlers.price.books import BOND, LOAN, value, world

RATE = 0.05
# 7 March 2027 is a Sunday, 7 September 2026 a Monday and no holiday in London, 31 August 2026 one.
GILT = BOND | {
    "notional": 100.0,
    "coupon": 0.04,
    "currency": "GBP",
    "start_date": "2021-03-07",
    "maturity_date": "2027-03-07",
    "day_count": "ACT/ACT ISMA",
    "calendar": "UK",
    "payment_convention": "following",
    "ex_coupon_days": 6,
}


def flat(position: dict[str, Any], valuation: date, measure: str = "PV") -> float:
    return value(
        position, measure, valuation=valuation, in_market=world(valuation, {"GBP": {valuation.isoformat(): RATE}}, GBPUSD=1.3)
    )


def discount(valuation: date, day: date) -> float:
    return math.exp(-RATE * (day - valuation).days / 365)


def test_a_payment_on_a_sunday_comes_on_monday_for_the_same_interest() -> None:
    day = date(2026, 10, 1)
    assert flat(GILT, day) == pytest.approx(102.0 * discount(day, date(2027, 3, 8)), abs=1e-10)
    assert flat(GILT | {"payment_convention": "preceding"}, day) == pytest.approx(102.0 * discount(day, date(2027, 3, 5)))
    assert flat(GILT | {"payment_convention": None}, day) == pytest.approx(102.0 * discount(day, date(2027, 3, 7)))


def test_interest_accrues_between_adjusted_dates_if_the_contract_says_so() -> None:
    """181 days from 7 September 2026 to 7 March 2027, 182 to the Monday after it."""
    day, swap_style = date(2026, 10, 1), GILT | {"day_count": "ACT/365F", "ex_coupon_days": None}
    plain = (100 + 4 * 181 / 365) * discount(day, date(2027, 3, 8))
    assert flat(swap_style, day) == pytest.approx(plain, abs=1e-10)
    longer = (100 + 4 * 182 / 365) * discount(day, date(2027, 3, 8))
    assert flat(swap_style | {"accrual_convention": "following", "payment_convention": None}, day) == pytest.approx(longer)


def test_a_bond_whose_last_payment_is_late_has_not_matured() -> None:
    sunday, cum = date(2027, 3, 7), GILT | {"ex_coupon_days": 0}
    assert flat(cum, sunday) == pytest.approx(102.0 * discount(sunday, date(2027, 3, 8)))
    assert flat(cum, date(2027, 3, 8)) == 0.0
    assert flat(cum | {"payment_convention": "preceding"}, date(2027, 3, 5)) == 0.0


def test_interest_that_is_late_has_still_accrued() -> None:
    """The coupon of Sunday 7 March 2027 is paid on Monday; on that Sunday the next period begins."""
    longer = GILT | {"maturity_date": "2028-03-07", "ex_coupon_days": None}
    assert flat(longer, date(2027, 3, 7), "ACCRUED") == pytest.approx(2.0)
    assert flat(longer, date(2027, 3, 8), "ACCRUED") == pytest.approx(2.0 * 1 / 184)


def test_a_coupon_traded_ex_is_not_the_buyers_and_he_is_paid_what_is_yet_to_accrue() -> None:
    """The rule of the UK Debt Management Office, "Formulae for calculating gilt prices from yields": RAI = (t / s - 1) · c / 2.

    Its ex-dividend date lies seven business days before Monday 7 September 2026, over the bank holiday of 31 August: 26 August,
    the last day on which the coupon is still the buyer's. 184 days a period.
    """
    day = date(2026, 8, 26)
    with_coupon = 2.0 * discount(day, date(2026, 9, 7)) + 102.0 * discount(day, date(2027, 3, 8))
    assert flat(GILT, day) == pytest.approx(with_coupon)
    assert flat(GILT, day, "ACCRUED") == pytest.approx(2.0 * 172 / 184)
    day = date(2026, 8, 27)
    assert flat(GILT, day) == pytest.approx(102.0 * discount(day, date(2027, 3, 8)))
    assert flat(GILT, day, "ACCRUED") == pytest.approx(-2.0 * 11 / 184)
    assert flat(GILT, date(2026, 9, 7), "ACCRUED") == 0.0


def test_ex_days_may_be_counted_by_another_calendar_than_payments() -> None:
    """Seven days of the calendar before 7 September 2026: 31 August."""
    australian = GILT | {"ex_coupon_days": 7, "ex_coupon_calendar": "NONE"}
    assert flat(australian, date(2026, 8, 30), "ACCRUED") > 0
    assert flat(australian, date(2026, 8, 31), "ACCRUED") == pytest.approx(-2.0 * 7 / 184)


def test_the_last_coupon_is_traded_ex_but_the_notional_is_paid() -> None:
    day = date(2027, 3, 1)
    assert flat(GILT, day) == pytest.approx(100.0 * discount(day, date(2027, 3, 8)))


def test_joint_calendars_are_closed_when_either_is() -> None:
    """7 September 2026 is Labor Day in the United States."""
    day, joint = date(2026, 9, 1), GILT | {"ex_coupon_days": None}
    assert flat(joint | {"calendar": "US+UK"}, day) == pytest.approx(
        2.0 * discount(day, date(2026, 9, 8)) + 102.0 * discount(day, date(2027, 3, 8))
    )


def test_loans_move_off_holidays_as_bonds_do() -> None:
    """Due on Sunday 7 March 2027."""
    day = date(2027, 3, 1)
    loan = LOAN | {"currency": "GBP", "start_date": "2026-03-07", "maturity_date": "2027-03-07", "frequency": 1}
    late = loan | {"calendar": "UK", "payment_convention": "following"}
    assert flat(late, day) == pytest.approx(flat(loan, day) * math.exp(-RATE / 365))


def test_quasi_coupon_periods_roll_from_month_end_to_month_end() -> None:
    """15 November 2026 to 28 February 2027, 105 days, of the half year since 31 August 2026, 181 days; since the 28th: 184."""
    bond = GILT | {"start_date": "2026-11-15", "maturity_date": "2027-08-31", "ex_coupon_days": 0, "calendar": None}
    bond |= {"payment_convention": None}
    day = date(2027, 2, 27)
    assert flat(bond | {"end_of_month": True}, day, "ACCRUED") == pytest.approx(2.0 * 104 / 181)
    assert flat(bond, day, "ACCRUED") == pytest.approx(2.0 * 104 / 184)


@pytest.mark.parametrize("product", [GILT, LOAN])
def test_a_month_end_along_the_way_is_no_anchor(product: dict[str, Any]) -> None:
    """Each 28th, so that 28 February ends a month by chance: the long first period is counted as without `end_of_month`."""
    rolled = product | {"currency": "GBP", "start_date": "2026-01-01", "maturity_date": "2027-01-28"}
    rolled |= {"frequency": 12, "stub": "long_first", "day_count": "ACT/ACT ISMA"}
    day = date(2026, 2, 10)
    for measure in ("PV", "ACCRUED"):
        assert flat(rolled | {"end_of_month": True}, day, measure) == flat(rolled, day, measure)
