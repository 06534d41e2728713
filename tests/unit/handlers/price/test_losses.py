"""Expected loss, theta and cash flows: against plain loops, other runs of the engine, and what is known without computing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from events.market import CreditCurves
from handlers.price import filling, segments
from handlers.price.engine import price_run
from handlers.price.portfolio import Portfolio
from handlers.price.sheet import PricedRun
from tests.unit.handlers.price import oracle
from tests.unit.handlers.price.books import (
    BOND,
    CURVES,
    DEPOSIT,
    FORWARD,
    LOAN,
    VALUATION,
    days,
    error,
    interpolated_world,
    lending,
    market,
    priced,
    scenario_sets,
    scenarios,
    value,
    world,
)

ALL = ("PV", "ACCRUED", "CLEAN_PRICE", "YTM", "MODIFIED_DURATION", "CONVEXITY", "Z_SPREAD", "DV01", "SPREAD_DV01", "CS01")
ALL += ("KRD", "THETA", "CASHFLOWS", "EXPECTED_LOSS")
HAZARDS = {"BBB": [0.004, 0.009], "B": [0.05, 0.04]}
PILLARS = ["2027-01-15", "2036-01-15"]
debts = st.one_of(lending("FIXED_BOND"), lending("AMORT_LOAN"))


def hazard_curves(**issuers: float) -> CreditCurves:
    def curve(rates: list[float]) -> dict[str, Any]:
        return {"kind": "hazard", "interpolation": "linear_zero", "pillars": PILLARS, "rates": rates}

    return CreditCurves.model_validate(
        {
            "ratings": {name: curve(rates) for name, rates in HAZARDS.items()},
            "issuers": {name: curve([rate, rate]) for name, rate in issuers.items()},
        }
    )


def with_hazards(
    book: Sequence[dict[str, Any]], *shocks: Any, measures: Sequence[str] = ("EXPECTED_LOSS",), **issuers: float
) -> PricedRun:
    rated = market().model_copy(update={"credit_curves": hazard_curves(**issuers)})
    return price_run(Portfolio.from_records(book), rated, scenarios(*shocks), measures, VALUATION)


def survival(rating: str, day: date, shift: float) -> float:
    """Zero hazard rates, linear between the pillars and flat outside, moved by the shift of all credit spreads."""
    at = [(date.fromisoformat(pillar) - VALUATION).days for pillar in PILLARS]
    ahead = (day - VALUATION).days
    return math.exp(-(float(np.interp(ahead, at, HAZARDS[rating])) + shift) * ahead / 365.0)


def test_a_bullet_in_one_payment_loses_what_is_not_recovered_if_it_defaults() -> None:
    """(1 - R) · N · (1 - Q(T)) · DF(T), by hand from the curves at their pillars."""
    zero = BOND | {"coupon": 0.0, "start_date": "2026-01-15", "maturity_date": "2027-01-15", "frequency": 1}
    run = with_hazards([zero | {"rating": "BBB", "recovery_rate": 0.4}, zero | {"rating": "BBB"}])
    loss = 1_000_000.0 * (1 - math.exp(-0.004)) * math.exp(-CURVES["USD"]["2027-01-15"])
    assert run.values[:, 0].tolist() == pytest.approx([0.6 * loss, loss])


@settings(max_examples=60)
@given(debts, st.sampled_from(["BBB", "B"]), st.floats(0.0, 1.0), st.sampled_from([0.0, 0.1]), scenario_sets)
def test_expected_loss_is_a_sum_over_the_periods(
    position: dict[str, Any], rating: str, recovery: float, cpr: float, sets: list[Any]
) -> None:
    plain = {"calendar": None, "payment_convention": None, "accrual_convention": None, "ex_coupon_days": None}
    position = position | plain | {"rating": rating, "recovery_rate": recovery, "cpr": cpr, "end_of_month": None}
    facility = {"commitment": position["notional"] * 1.5, "credit_conversion_factor": 0.4}
    assume(date.fromisoformat(position["maturity_date"]) > VALUATION)
    loan = position["product_type"] == "AMORT_LOAN"
    run = with_hazards([position | (facility if loan else {})], *sets)
    bullet = {"amortization": "bullet", "rate": position.get("coupon")}
    periods = oracle.loan_periods(bullet | position)
    for number, shocks in enumerate(sets):
        shocked, left, total = world().shocked(shocks), 1.0, 0.0
        curve, shift = shocked.discount(position["currency"]), shocked.spread_shift
        for start, end, balance, _, _ in periods:
            first, last = (date.fromisoformat(day.ISO()) for day in (start, end))
            if last <= VALUATION:
                continue
            exposure = left * (balance + (0.5 * 0.4 if loan else 0.0))
            defaults = survival(rating, max(first, VALUATION), shift) - survival(rating, last, shift)
            total += (1 - recovery) * exposure * defaults * curve.discount(end)
            left *= (1 - cpr) ** (1 / position["frequency"]) if loan else 1.0
        assert run.values[0, number] == pytest.approx(total * position["notional"], abs=1e-8 * abs(position["notional"]))


def test_an_issuers_curve_goes_before_its_ratings() -> None:
    run = with_hazards([BOND | {"rating": "B", "issuer": "SAFE"}, BOND | {"rating": "B", "issuer": "OTHER"}], SAFE=0.0)
    assert run.values[0, 0] == 0.0
    assert run.values[1, 0] > 10_000.0


def test_expected_loss_needs_a_hazard_curve_and_nothing_else_does() -> None:
    book = [BOND, BOND | {"rating": "AAA"}, BOND | {"issuer": "ACME", "rating": "AAA"}, BOND | {"rating": "B"}]
    run = with_hazards(book, measures=("PV", "EXPECTED_LOSS"))
    assert run.error == [None, "MISSING_MARKET_DATA", None, "MISSING_MARKET_DATA", None, "MISSING_MARKET_DATA", None, None]
    assert run.error_detail[1::2] == [
        "no hazard curve: the position gives neither issuer nor rating",
        "no hazard curve of rating AAA",
        "no hazard curve of issuer ACME or rating AAA",
        None,
    ]
    assert np.isnan(run.values[[1, 3, 5]]).all()
    assert run.totals["EXPECTED_LOSS"]["base"] == pytest.approx(run.values[7, 0])
    no_curve = with_hazards([BOND | {"currency": "CHF"}], measures=("EXPECTED_LOSS",))
    assert no_curve.error_detail == ["no CHF curve"]


@given(debts, scenario_sets, st.sampled_from(["linear_zero", "log_linear_df", "flat_forward", "monotone_cubic_zero"]))
def test_theta_is_the_next_days_value_and_payments_less_todays(
    position: dict[str, Any], sets: list[Any], interpolation: str
) -> None:
    """Both days priced by themselves, on the same rates at the same dates."""
    position = position | {"ex_coupon_days": None}
    tomorrow = VALUATION + timedelta(days=1)
    today, next_day = (interpolated_world(interpolation, day) for day in (VALUATION, tomorrow))
    run = priced([position], *sets, measures=("PV", "THETA", "CASHFLOWS"), in_market=today)
    later = priced([position], *sets, valuation=tomorrow, in_market=next_day)
    paid = run.values[[bucket == tomorrow.isoformat() for bucket in run.bucket]].sum(axis=0)
    change = later.values[0] + paid - run.values[0]
    np.testing.assert_allclose(run.values[1], change, rtol=0, atol=1e-9 * abs(position["notional"]))


def test_theta_counts_what_is_paid_on_the_next_day() -> None:
    eve = date(2026, 3, 14)
    assert 0.0 < value(BOND, "THETA", valuation=eve, in_market=world(eve)) < 500.0


def test_a_coupon_that_goes_ex_overnight_is_still_the_holders() -> None:
    eve = date(2026, 3, 10)
    plain, ex = (value(BOND | {"ex_coupon_days": days}, "THETA", valuation=eve, in_market=world(eve)) for days in (0, 4))
    assert ex == plain
    after = [value(BOND | {"ex_coupon_days": days}, valuation=date(2026, 3, 11)) for days in (0, 4)]
    assert after[0] - after[1] == pytest.approx(21_250.0, rel=0.01)


@settings(max_examples=50)
@given(debts, days(date(2025, 1, 1), date(2029, 1, 1)))
def test_discounted_cash_flows_are_the_present_value(position: dict[str, Any], valuation: date) -> None:
    position = position | {"credit_spread": None}
    run = priced([position], measures=("PV", "CASHFLOWS"), valuation=valuation, in_market=world(valuation))
    curve = world(valuation).discount(position["currency"])
    flows = [(bucket, amount) for bucket, amount in zip(run.bucket[1:], run.values[1:, 0].tolist(), strict=True) if bucket]
    assert [bucket for bucket, _ in flows] == sorted(bucket for bucket, _ in flows)
    total = sum(amount * curve.discount(oracle._date(bucket)) for bucket, amount in flows)
    assert run.values[0, 0] == pytest.approx(total, abs=1e-8 * abs(position["notional"]))


def test_cash_flows_have_a_row_a_payment_and_need_no_market() -> None:
    shocks = [[], [{"kind": "rate_parallel", "bp": 100.0, "currency": "CHF"}]]
    run = priced([BOND | {"currency": "CHF"}, FORWARD], *shocks, measures=("CASHFLOWS", "PV"))
    dates = [f"{year}-{day}" for year in range(2026, 2032) for day in ("03-15", "09-15")][:-1]
    assert run.bucket == [*dates, "", "2027-03-15", "EUR:2027-03-15", ""]
    assert run.values[:10].tolist() == [[21_250.0, 21_250.0]] * 10
    assert run.values[10].tolist() == [1_021_250.0, 1_021_250.0]
    assert run.error == [None] * 11 + ["MISSING_MARKET_DATA", None, None, "MISSING_MARKET_DATA"]
    assert run.totals.keys() == {"PV"}


def test_payments_of_one_day_are_one_row() -> None:
    """Periods that end on Saturday 31 January and Sunday 1 February are both paid on the Monday."""
    weekend = BOND | {"start_date": "2025-01-31", "maturity_date": "2026-02-01", "frequency": 12, "stub": "short_last"}
    weekend |= {"calendar": "WEEKENDS", "payment_convention": "following", "day_count": "ACT/365F"}
    run = priced([weekend], measures=("CASHFLOWS",))
    assert run.bucket == ["2026-02-02"]
    assert run.values[0, 0] == pytest.approx(1_000_000 * (1 + 0.0425 * 32 / 365))


def test_a_zero_bond_has_all_prices_and_yields_a_year() -> None:
    """92 at maturity in two years, e^(-2 · 5 %) today: y = e^5 % - 1, duration 2 / (1 + y), convexity 6 / (1 + y)²."""
    flat = world(VALUATION, {"USD": {"2026-01-15": 0.03}}, EURUSD=1.1)
    zero = {"position_id": "zero", "product_type": "ZERO_BOND", "currency": "USD", "notional": 92.0}
    zero |= {"maturity_date": "2028-01-15", "credit_spread": 0.02}
    growth = math.exp(0.05)
    expected = {
        "CLEAN_PRICE": 100 * growth**-2,
        "YTM": growth - 1,
        "MODIFIED_DURATION": 2 / growth,
        "CONVEXITY": 6 / growth**2,
        "Z_SPREAD": 0.02,
        "SPREAD_DV01": 92 * growth**-2 * math.expm1(-2e-4),
        "THETA": 92 * growth**-2 * math.expm1(0.05 / 365),
        "CASHFLOWS": 92.0,
    }
    for measure, amount in expected.items():
        assert value(zero, measure, in_market=flat) == pytest.approx(amount), measure
    assert error(zero, "EXPECTED_LOSS") == ("UNSUPPORTED", "ZERO_BOND has no EXPECTED_LOSS")


def test_a_deposit_has_payments_and_theta_but_no_yield() -> None:
    """100 placed for 182 days at 4 %, ACT/360; before it starts it pays the notional first."""
    assert value(DEPOSIT, "CASHFLOWS") == pytest.approx(100 * (1 + 0.04 * 182 / 360))
    later = priced([DEPOSIT | {"start_date": "2026-02-15"}], measures=("CASHFLOWS", "THETA"))
    assert later.bucket == ["2026-02-15", "2026-06-15", ""]
    assert later.values[0, 0] == -100.0
    assert error(DEPOSIT, "YTM") == ("UNSUPPORTED", "DEPOSIT has no YTM")


def ladder() -> list[dict[str, Any]]:
    """Bonds and loans of all kinds, a matured and a wrong one, one without a curve, one of another product."""
    book = [BOND | {"coupon": None}, BOND | {"maturity_date": "2025-03-15"}, LOAN | {"currency": "CHF"}, FORWARD]
    for number in range(20):
        own = {"maturity_date": f"{2027 + number}-0{1 + number % 9}-28", "rating": ("B", "BBB", "AAA")[number % 3]}
        loan = {"cpr": 0.02 * (number % 4), "amortization": ("level_pay", "straight_line", "bullet")[number % 3]}
        book += [BOND | own | {"price": 95.0 + number}, BOND | own, LOAN | own | loan]
    return book


SETS = [[], [{"kind": "credit_spread", "bp": 50.0}], [{"kind": "rate_parallel", "bp": -30.0, "currency": "*"}]]


def test_order_neighbours_and_pieces_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    book = ladder()
    whole = with_hazards(book, *SETS, measures=ALL)
    backwards = with_hazards(book[::-1], *SETS, measures=ALL)
    monkeypatch.setattr(filling, "CHUNK_FLOWS", 60)
    monkeypatch.setattr(filling, "BLOCK_CELLS", 100)
    monkeypatch.setattr(segments, "PIECE_CELLS", 100)
    pieces = with_hazards(book, *SETS, measures=ALL)
    np.testing.assert_allclose(pieces.values, whole.values, rtol=1e-12, atol=1e-9)
    assert (pieces.error, pieces.bucket, pieces.measure) == (whole.error, whole.bucket, whole.measure)
    for row in range(len(book)):
        mirrored = backwards.row_no == len(book) - 1 - row
        np.testing.assert_allclose(backwards.values[mirrored], whole.values[whole.row_no == row], rtol=1e-12, atol=1e-9)


def test_amounts_of_money_have_totals_and_prices_yields_and_spreads_have_none() -> None:
    run = with_hazards(ladder(), *SETS, measures=ALL)
    assert list(run.totals) == ["PV", "ACCRUED", "DV01", "SPREAD_DV01", "CS01", "THETA", "EXPECTED_LOSS"]
    rows = [measure == "THETA" for measure in run.measure]
    rate = {None: 1.0, "EUR": 1.0875}
    by_row = {place: rate.get(position.get("currency"), 1.0) for place, position in enumerate(ladder())}
    theta = np.array([by_row[row] for row in run.row_no[rows].tolist()])[:, None] * run.values[rows]
    forward = [0.0] * 3
    assert list(run.totals["THETA"].values()) == pytest.approx((np.nansum(theta, axis=0) + forward).tolist(), rel=1e-9)


@pytest.mark.parametrize(
    "measure", [name for name in ALL if name not in ("PV", "ACCRUED", "DV01", "KRD", "THETA", "CS01", "CASHFLOWS")]
)
def test_a_forward_has_no_prices_yields_or_losses(measure: str) -> None:
    assert error(FORWARD, measure) == ("UNSUPPORTED", f"FX_FWD has no {measure}")
