"""Prices that can be worked out by hand; each says how."""

from __future__ import annotations

import math
from datetime import date

import pytest

from tests.unit.handlers.price.books import BOND, FORWARD, LOAN, priced, value, world

TODAY = date(2026, 1, 15)
FLAT = world(TODAY, {"USD": {"2026-01-15": 0.05}, "EUR": {"2026-01-15": 0.02}}, EURUSD=1.25)


def flat(position: dict[str, object], measure: str = "PV") -> float:
    return value(position, measure, valuation=TODAY, in_market=FLAT)


def test_a_zero_coupon_bond_is_its_notional_discounted_continuously() -> None:
    """365 days at 5 %: 100 e^-0.05."""
    bond = BOND | {"notional": 100.0, "coupon": 0.0, "start_date": "2026-01-15", "maturity_date": "2027-01-15", "frequency": 1}
    assert flat(bond) == pytest.approx(95.12294245007140)


def test_a_two_year_annual_bond_is_two_terms() -> None:
    """6 e^-0.05 + 106 e^-0.10 on ACT/365F days of 365 and 730."""
    bond = BOND | {"notional": 100.0, "coupon": 0.06, "start_date": "2026-01-15", "maturity_date": "2028-01-15", "frequency": 1}
    assert flat(bond) == pytest.approx(6 * math.exp(-0.05) + 106 * math.exp(-0.10))


def test_the_spread_is_added_to_the_zero_rate() -> None:
    bond = BOND | {"notional": 100.0, "coupon": 0.0, "start_date": "2026-01-15", "maturity_date": "2027-01-15", "frequency": 1}
    assert flat(bond | {"credit_spread": 0.02}) == pytest.approx(100 * math.exp(-0.07))


def test_a_bonds_accrued_interest_counts_months_of_30_days() -> None:
    """30/360: 4.25 % semi-annual, 120 of 180 days after 15 September: 1,000,000 · 0.0425 · 120/360."""
    assert flat(BOND, "ACCRUED") == pytest.approx(1_000_000 * 0.0425 * 120 / 360)


def test_a_mortgage_pays_1073_64_a_month() -> None:
    """200,000 at 5 % over 30 years is an annuity of P · i / (1 - (1 + i)^-360), i = 0.05 / 12; undiscounted, 360 of them."""
    nothing = world(TODAY, {"EUR": {"2026-01-15": 0.0}}, EURUSD=1.25)
    loan = LOAN | {
        "notional": 200_000.0,
        "rate": 0.05,
        "start_date": "2026-01-15",
        "maturity_date": "2056-01-15",
        "day_count": "30/360",
    }
    assert value(loan, valuation=TODAY, in_market=nothing) == pytest.approx(360 * 1073.6432460242795)


def test_a_straight_line_loan_pays_interest_on_what_is_left() -> None:
    """1,200 over 12 months at 12 %, 30/360: principal 1,200, interest 1 % of 1,200, 1,100, … 100 = 78."""
    nothing = world(TODAY, {"EUR": {"2026-01-15": 0.0}}, EURUSD=1.25)
    loan = LOAN | {
        "notional": 1_200.0,
        "rate": 0.12,
        "start_date": "2026-01-15",
        "maturity_date": "2027-01-15",
        "day_count": "30/360",
    }
    assert value(loan | {"amortization": "straight_line"}, valuation=TODAY, in_market=nothing) == pytest.approx(1_278.0)
    assert value(loan | {"amortization": "bullet"}, valuation=TODAY, in_market=nothing) == pytest.approx(1_344.0)
    level = 12 * 1_200 * 0.01 / (1 - 1.01**-12)
    assert value(loan, valuation=TODAY, in_market=nothing) == pytest.approx(level)


def test_a_forward_struck_at_the_covered_interest_parity_rate_is_worth_zero() -> None:
    """F = S e^((r_quote - r_base) t)."""
    fair = 1.25 * math.exp((0.05 - 0.02) * 1.0)
    assert flat(FORWARD | {"maturity_date": "2027-01-15", "strike": fair}) == pytest.approx(0.0, abs=1e-6)
    assert flat(FORWARD | {"maturity_date": "2027-01-15", "strike": 0.0}, "FX_DELTA") == pytest.approx(2e6 * math.exp(-0.02))


def test_totals_are_converted_at_the_shocked_spot() -> None:
    cash = {"coupon": 0.0, "start_date": "2026-01-15", "maturity_date": "2027-01-15", "frequency": 1, "notional": 100.0}
    book = [BOND | cash, BOND | cash | {"currency": "EUR"}]
    up = [{"kind": "fx", "pair": "EURUSD", "relative": 0.10}]
    run = priced(book, [], up, valuation=TODAY, in_market=FLAT, reporting="USD")
    usd, eur = 100 * math.exp(-0.05), 100 * math.exp(-0.02)
    assert run.totals == {"PV": {"s0": pytest.approx(usd + 1.25 * eur), "s1": pytest.approx(usd + 1.375 * eur)}}
    in_euro = priced(book, [], up, valuation=TODAY, in_market=FLAT, reporting="EUR")
    assert in_euro.totals["PV"]["s1"] == pytest.approx(usd / 1.375 + eur)
