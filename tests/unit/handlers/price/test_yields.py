"""Yields, durations, convexities, Z-spreads and their prices, against QuantLib, textbooks and their own definitions."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from handlers.price.internal_rate import Weighted
from handlers.price.yields import Yields
from tests.unit.handlers.price.books import BOND, LOAN, VALUATION, days, error, lending, priced, scenario_sets, value, world
from tests.unit.handlers.price.oracle import flows
from tests.unit.handlers.price.oracle_debt import Debt

MEASURES = ("PV", "ACCRUED", "CLEAN_PRICE", "YTM", "MODIFIED_DURATION", "CONVEXITY", "Z_SPREAD")
TOLERANCE = 1e-8
plain = {"calendar": None, "payment_convention": None, "accrual_convention": None, "end_of_month": None, "ex_coupon_days": None}

# A loan with a short first period may have repaid too much by its last payment, and then there may be no yield, or two.
debts = (
    st.one_of(lending("FIXED_BOND"), lending("AMORT_LOAN"))
    .map(lambda position: position | plain)
    .filter(lambda position: flows(position)[-1][1] > 0.0)
)
# From the 30th to the 31st no time passes by 30/360, and then there is no yield.
TWO_DAYS = timedelta(days=2)
valuations = days(date(2025, 1, 1), date(2029, 1, 1))


@settings(max_examples=60)
@given(debts, scenario_sets, valuations)
def test_yields_and_spreads_agree_with_quantlib(position: dict[str, Any], sets: list[list[Any]], valuation: date) -> None:
    """To 1e-8 of a yield, a spread or a price, and of durations and convexities relatively."""
    assume(date.fromisoformat(position["start_date"]) <= valuation < date.fromisoformat(position["maturity_date"]) - TWO_DAYS)
    run = priced([position], *sets, measures=MEASURES, valuation=valuation)
    rows = dict(zip(run.measure, run.values, strict=True))
    assert run.errors == 0
    for number, shocks in enumerate(sets):
        debt = Debt(position, world(valuation).shocked(shocks))
        assume(len(debt.leg) > 2 or position["day_count"] != "ACT/ACT ISMA")
        price = rows["PV"][number] / position["notional"]
        ytm = debt.ytm(price)
        assert rows["YTM"][number] == pytest.approx(ytm, abs=TOLERANCE)
        assert rows["MODIFIED_DURATION"][number] == pytest.approx(debt.duration(ytm), rel=TOLERANCE, abs=TOLERANCE)
        assert rows["CONVEXITY"][number] == pytest.approx(debt.convexity(ytm), rel=TOLERANCE, abs=TOLERANCE)
        assert rows["Z_SPREAD"][number] == pytest.approx(debt.z_spread(price), abs=TOLERANCE)


@given(debts, st.floats(20.0, 250.0))
def test_a_quoted_price_is_what_the_flows_are_worth_at_its_spread(position: dict[str, Any], price: float) -> None:
    assume(date.fromisoformat(position["maturity_date"]) > VALUATION)
    run = priced([position | {"price": price}], measures=("Z_SPREAD", "SPREAD_DV01", "ACCRUED"))
    spread, dv01, accrued = run.values[:, 0].tolist()
    assert run.errors == 0
    shifted = [position | {"credit_spread": spread + bp * 1e-4} for bp in (0, 1)]
    at, above = priced(shifted, measures=("PV",)).values[:, 0]
    clean = value(position | {"credit_spread": spread}, "CLEAN_PRICE")
    assert clean == pytest.approx(price, rel=1e-9, abs=1e-9)
    assert dv01 == pytest.approx(above - at, rel=1e-6, abs=1e-10 * (abs(at) + abs(accrued)))


@given(debts, scenario_sets)
def test_without_a_quote_the_spread_is_the_positions_own_and_the_scenarios(position: dict[str, Any], sets: list[Any]) -> None:
    assume(date.fromisoformat(position["maturity_date"]) > VALUATION)
    run = priced([position], *sets, measures=("Z_SPREAD", "SPREAD_DV01", "CS01"))
    shifts = [sum(shock["bp"] for shock in shocks if shock["kind"] == "credit_spread") * 1e-4 for shocks in sets]
    expected = [(position["credit_spread"] or 0.0) + shift for shift in shifts]
    assert run.values[0].tolist() == pytest.approx(expected, abs=1e-9)
    assert run.values[1].tolist() == pytest.approx(run.values[2].tolist(), rel=1e-7, abs=1e-9 * abs(position["notional"]))


def test_a_quoted_price_does_not_move_with_the_scenarios_so_its_spread_does() -> None:
    up = [{"kind": "rate_parallel", "bp": 100.0, "currency": "*"}]
    run = priced([BOND | {"price": 99.5, "credit_spread": 0.03}], [], up, measures=("Z_SPREAD", "SPREAD_DV01"))
    assert run.values[0, 1] == pytest.approx(run.values[0, 0] - 0.01)
    assert run.values[1, 1] == pytest.approx(run.values[1, 0])


def closed_form(coupon: float, periods: int, half: float = 0.045) -> tuple[float, float, float]:
    """Price per 100, modified duration and convexity by differences of c · (1 - v^n) / y + v^n, y a half year's yield."""

    def price(rate: float) -> float:
        left = (1.0 + rate) ** -periods
        return 100.0 * (coupon / 2.0 * (1.0 - left) / rate + left)

    step = 1e-5
    down, at, up = (price(half + by * step) for by in (-1, 0, 1))
    return at, (down - up) / (2 * step) / at / 2, (up - 2 * at + down) / step**2 / at / 4


# Each from the closed form of an annuity and its derivatives in the yield, rounded: coupon, half years, price, modified
# duration and convexity of six bonds that yield 9 %, such as textbooks tabulate.
CLOSED_FORM = [
    (0.09, 10, 100.0000, 3.9564, 19.453),
    (0.09, 50, 100.0000, 9.8810, 160.721),
    (0.06, 10, 88.1309, 4.1581, 20.848),
    (0.06, 50, 70.3570, 10.6175, 182.911),
    (0.00, 10, 64.3928, 4.7847, 25.183),
    (0.00, 50, 11.0710, 23.9234, 583.778),
]


@pytest.mark.parametrize(("coupon", "periods", "price", "duration", "convexity"), CLOSED_FORM)
def test_the_closed_form_of_bonds(coupon: float, periods: int, price: float, duration: float, convexity: float) -> None:
    """Semi-annual bonds of 5 and 25 years; the figures are checked against the closed form here."""
    assert closed_form(coupon, periods) == pytest.approx((price, duration, convexity), abs=6e-4)
    amounts = np.full(periods, 100.0 * coupon / 2)
    amounts[-1] += 100.0
    payments = Weighted(np.array([0, periods]), amounts, np.arange(1, periods + 1) / 2.0)
    found = Yields.of(payments, np.array([2]), np.array([[price]]))
    assert found.ytm()[0, 0] == pytest.approx(0.09, abs=1e-5)
    assert found.modified_duration()[0, 0] == pytest.approx(duration, abs=6e-5)
    assert found.convexity()[0, 0] == pytest.approx(convexity, abs=6e-4)


def test_a_bond_at_par_on_its_coupon_date_yields_its_coupon() -> None:
    """Under ACT/ACT ISMA all periods are whole, so 4.25 % is the yield at 100."""
    isma = BOND | {"day_count": "ACT/ACT ISMA", "start_date": "2026-01-15", "maturity_date": "2031-01-15"}
    at_par = isma | {"credit_spread": value(isma | {"price": 100.0}, "Z_SPREAD")}
    assert value(at_par, "CLEAN_PRICE") == pytest.approx(100.0, abs=1e-10)
    assert value(at_par, "YTM") == pytest.approx(0.0425, abs=1e-12)


@settings(max_examples=50)
@given(debts, valuations)
def test_duration_and_convexity_are_derivatives_of_the_price_in_the_yield(position: dict[str, Any], valuation: date) -> None:
    """By the yields at which bumped spreads reprice it, as differences of PV against differences of YTM."""
    assume(date.fromisoformat(position["start_date"]) <= valuation)
    assume((date.fromisoformat(position["maturity_date"]) - valuation).days > 365)
    bumps = [[{"kind": "credit_spread", "bp": bp}] for bp in (0.0, 5.0, -5.0)]
    run = priced([position], *bumps, measures=("PV", "YTM", "MODIFIED_DURATION", "CONVEXITY"), valuation=valuation)
    assert run.errors == 0
    price, yields, durations, convexity = run.values
    slope = (price[1] - price[2]) / (yields[1] - yields[2])
    assert durations[0] == pytest.approx(-slope / price[0], rel=2e-4)
    change = (durations[1] * price[1] - durations[2] * price[2]) / (yields[1] - yields[2])
    assert convexity[0] == pytest.approx(-change / price[0], rel=2e-3)


def test_a_loans_price_is_per_hundred_of_what_it_still_owes() -> None:
    """A flat curve at the loan's own continuous rate: worth what is owed, but for the days of months."""
    flat = world(VALUATION, {"EUR": {"2026-01-15": 12 * np.log1p(0.05 / 12)}}, EURUSD=1.1)
    loan = LOAN | {"day_count": "30/360", "start_date": "2024-01-15", "maturity_date": "2034-01-15"}
    for kind in ("level_pay", "straight_line", "bullet"):
        assert value(loan | {"amortization": kind}, "CLEAN_PRICE", in_market=flat) == pytest.approx(100.0, abs=0.02)
        assert value(loan | {"amortization": kind}, "YTM", in_market=flat) == pytest.approx(0.05, abs=1e-4)


def test_sold_positions_have_the_same_prices_and_yields_as_bought_ones() -> None:
    run = priced([LOAN, LOAN | {"notional": -LOAN["notional"]}], measures=MEASURES[2:])
    np.testing.assert_allclose(run.values[:5], run.values[5:], rtol=1e-13)


def test_the_yield_of_a_position_that_starts_later_counts_the_days_until_then() -> None:
    """A zero curve at 5 % continuous: one payment of principal and coupon after one year of waiting and one of the contract."""
    flat = world(VALUATION, {"USD": {"2026-01-15": 0.05}}, EURUSD=1.1)
    bond = BOND | {"start_date": "2027-01-15", "maturity_date": "2028-01-15", "frequency": 1, "day_count": "ACT/365F"}
    assert value(bond, "YTM", in_market=flat) == pytest.approx(np.expm1(0.05), abs=1e-12)


def test_a_loan_that_gets_money_back_in_the_end_may_have_no_yield() -> None:
    """No rate makes so much of five payments of 0.17 and -0.40 after them; its price and its cash flows stand."""
    loan = LOAN | {"frequency": 1, "rate": 0.140625, "day_count": "ACT/365F", "start_date": "2018-01-01", "currency": "USD"}
    run = priced([loan | {"maturity_date": "2030-03-01"}], measures=("YTM", "CLEAN_PRICE"), valuation=date(2025, 1, 1))
    assert run.error == ["CALCULATION_FAILED", None]


def test_what_has_no_price_has_no_yield() -> None:
    nothing = BOND | {"notional": 0.0}
    for measure in ("CLEAN_PRICE", "YTM", "MODIFIED_DURATION", "CONVEXITY", "Z_SPREAD"):
        assert error(nothing, measure) == ("CALCULATION_FAILED", "the result is not a finite number")
    assert value(nothing) == 0.0


def test_a_matured_position_has_no_yield_and_no_spread_but_prices_of_zero() -> None:
    for currency in ("CHF", "USD"):
        over = BOND | {"maturity_date": "2026-01-15", "currency": currency}
        for measure in ("YTM", "Z_SPREAD"):
            assert error(over, measure) == ("CALCULATION_FAILED", f"a matured position has no {measure}")
        for measure in ("CLEAN_PRICE", "MODIFIED_DURATION", "CONVEXITY", "SPREAD_DV01", "THETA", "CASHFLOWS", "EXPECTED_LOSS"):
            assert value(over, measure) == 0.0


@pytest.mark.parametrize("wrong", [0.0, -1.0])
def test_a_price_must_be_greater_than_zero(wrong: float) -> None:
    assert error(BOND | {"price": wrong}) == ("INVALID_TERMS", "price: must be greater than 0")
