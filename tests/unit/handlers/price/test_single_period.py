"""Zero-coupon bonds and deposits, worked out by hand."""

from __future__ import annotations

import math
from datetime import date
from typing import Any

import pytest

from tests.unit.handlers.price.books import DEPOSIT, ZERO_BOND, error, value, world

TODAY = date(2026, 1, 15)
NO_CALENDAR = "must be given with accrual_convention or payment_convention"


def flat(position: dict[str, Any], measure: str = "PV", valuation: date = TODAY) -> float:
    in_market = world(valuation, {"USD": {valuation.isoformat(): 0.05}}, EURUSD=1.25)
    return value(position, measure, valuation=valuation, in_market=in_market)


def test_a_zero_bond_is_its_notional_discounted_with_its_spread() -> None:
    """365 days at 5 % and 2 %."""
    assert flat(ZERO_BOND) == pytest.approx(100 * math.exp(-0.05))
    assert flat(ZERO_BOND | {"credit_spread": 0.02}) == pytest.approx(100 * math.exp(-0.07))
    assert flat(ZERO_BOND, "ACCRUED") == 0.0
    assert flat(ZERO_BOND, "DV01") == pytest.approx(100 * (math.exp(-0.0501) - math.exp(-0.05)))
    assert flat(ZERO_BOND, "CS01") == flat(ZERO_BOND, "DV01")


def test_a_zero_bond_due_on_a_saturday_is_paid_on_monday() -> None:
    """16 January 2027 is a Saturday, Monday the 18th Martin Luther King's day in the United States."""
    late = ZERO_BOND | {"maturity_date": "2027-01-16", "payment_convention": "following"}
    assert flat(late | {"calendar": "WEEKENDS"}) == pytest.approx(100 * math.exp(-0.05 * 368 / 365))
    assert flat(late | {"calendar": "US"}) == pytest.approx(100 * math.exp(-0.05 * 369 / 365))


def test_a_deposit_is_repaid_with_simple_interest() -> None:
    """182 days of interest, 31 of them over, 151 to go."""
    assert flat(DEPOSIT) == pytest.approx(100 * (1 + 0.04 * 182 / 360) * math.exp(-0.05 * 151 / 365))
    assert flat(DEPOSIT, "ACCRUED") == pytest.approx(100 * 0.04 * 31 / 360)
    assert flat(DEPOSIT | {"notional": -100.0}, "ACCRUED") == pytest.approx(-100 * 0.04 * 31 / 360)


def test_a_deposit_that_starts_later_has_still_to_be_placed() -> None:
    later = DEPOSIT | {"start_date": "2026-02-15", "maturity_date": "2026-08-15"}
    placed, repaid = math.exp(-0.05 * 31 / 365), math.exp(-0.05 * 212 / 365)
    assert flat(later) == pytest.approx(100 * ((1 + 0.04 * 181 / 360) * repaid - placed))
    assert flat(later, "ACCRUED") == 0.0


def test_a_deposit_at_the_forward_rate_is_worth_nothing_before_it_starts() -> None:
    """L = (DF(s) / DF(e) - 1) / dcf."""
    rate = math.expm1(0.05 * 181 / 365) * 360 / 181
    later = DEPOSIT | {"start_date": "2026-02-15", "maturity_date": "2026-08-15", "rate": rate}
    assert flat(later) == pytest.approx(0.0, abs=1e-12)


def test_a_deposit_placed_today_has_been_placed() -> None:
    today = DEPOSIT | {"start_date": "2026-01-15"}
    assert flat(today) == pytest.approx(100 * (1 + 0.04 * 151 / 360) * math.exp(-0.05 * 151 / 365))


def test_a_deposit_between_holidays_accrues_between_the_days_it_moves_to() -> None:
    """Saturday 13 December 2025 to Saturday 13 June 2026, both moved on to Monday."""
    moved = {"start_date": "2025-12-13", "maturity_date": "2026-06-13", "calendar": "US", "accrual_convention": "following"}
    assert flat(DEPOSIT | moved) == pytest.approx(flat(DEPOSIT))
    late = {key: text for key, text in moved.items() if key != "accrual_convention"} | {"payment_convention": "following"}
    assert flat(DEPOSIT | late) == pytest.approx(100 * (1 + 0.04 * 182 / 360) * math.exp(-0.05 * 151 / 365))
    assert flat(DEPOSIT | late, "ACCRUED") == pytest.approx(100 * 0.04 * 33 / 360)
    sunday = date(2026, 6, 14)
    assert flat(DEPOSIT | late, "ACCRUED", valuation=sunday) == pytest.approx(100 * 0.04 * 182 / 360)
    assert flat(DEPOSIT | late, "ACCRUED", valuation=date(2026, 6, 15)) == 0.0


@pytest.mark.parametrize(
    ("position", "wrong", "sentence"),
    [
        (ZERO_BOND, {"maturity_date": None}, "maturity_date: missing"),
        (
            ZERO_BOND,
            {"payment_convention": "following"},
            "calendar: must be given with accrual_convention or payment_convention",
        ),
        (DEPOSIT, {"maturity_date": "2025-12-15"}, "maturity_date: must be after start_date"),
        (DEPOSIT, {"rate": math.nan}, "rate: must be finite, not nan"),
        (
            DEPOSIT,
            {"day_count": "ACT/ACT ISMA"},
            "day_count: must be one of ACT/365F, ACT/360, 30/360, 30E/360, not 'ACT/ACT ISMA'",
        ),
    ],
)
def test_wrong_terms_name_their_field(position: dict[str, Any], wrong: dict[str, Any], sentence: str) -> None:
    assert error(position | wrong) == ("INVALID_TERMS", sentence)


def test_matured_ones_are_worth_nothing_and_ones_without_curve_say_so() -> None:
    for position in (ZERO_BOND, DEPOSIT):
        assert flat(position | {"maturity_date": "2026-01-15"}) == 0.0
        assert error(position | {"currency": "CHF"}) == ("MISSING_MARKET_DATA", "no CHF curve")
        assert error(position, "FX_DELTA") == ("UNSUPPORTED", f"{position['product_type']} has no FX_DELTA")
