"""Floating-rate bonds and swaps: by hand, by identities, and by what their bumps change."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.market import Market
from handlers.price import filling, floating, floating_measures
from handlers.price.engine import price_run
from handlers.price.portfolio import Portfolio
from tests.unit.handlers.price.books import VALUATION, scenario_sets
from tests.unit.handlers.price.oracle import World
from tests.unit.handlers.price.rates_books import (
    FLOATER,
    SWAP,
    priced,
    rates_market,
    rates_world,
    swaps,
    value,
)
from tests.unit.handlers.price.rates_books import (
    floating as positions,
)
from tests.unit.handlers.price.rates_oracle import RatesWorld

PARALLEL = {"kind": "rate_parallel", "bp": 1.0, "currency": "*"}
SPREAD = {"kind": "credit_spread", "bp": 1.0}
SINGLE = {"index": "USD-TERM"}


def error(position: dict[str, Any], measure: str = "PV", **options: Any) -> tuple[str | None, str | None]:
    run = priced([position], measures=[measure], **options)
    assert len(run.error) == 1
    assert run.error[0] is None or np.isnan(run.values).all()
    return run.error[0], run.error_detail[0]


def without_fixings(*names: str) -> RatesWorld:
    of = rates_world()
    return replace(of, fixings={name: days for name, days in of.fixings.items() if name not in names})


# A textbook's kind of swap, its value worked out as the difference of two bonds: 8 % received against six-month LIBOR, fixed
# at 10.2 %, on 100 million for another 1.25 years; zero rates of 10, 10.5 and 11 % after 3, 9 and 15 months.
ZERO_RATES = ((date(2026, 4, 15), 0.25, 0.10), (date(2026, 10, 15), 0.75, 0.105), (date(2027, 4, 15), 1.25, 0.11))
LATE_SWAP = SWAP | {
    "notional": 100.0,
    "pay_receive": "receive",
    "start_date": "2024-10-15",
    "maturity_date": "2027-04-15",
    "fixed_rate": 0.08,
    "fixed_frequency": 2,
    "index": "LIBOR-6M",
    "floating_day_count": "30/360",
    "floating_frequency": 2,
}


def late_world() -> RatesWorld:
    """Its discount factors at the dates of the swap, whose times are not exactly quarters of years."""
    curve = {day.isoformat(): rate * time * 365 / (day - VALUATION).days for day, time, rate in ZERO_RATES}
    valuation = VALUATION.isoformat()
    return RatesWorld(World(valuation, {"USD": curve}, {}), World(valuation, {}, {}), {}, {"LIBOR-6M": {"2025-10-15": 0.102}})


def test_a_swap_past_its_fixing_is_a_fixed_bond_less_what_is_fixed() -> None:
    found = value(LATE_SWAP, in_market=late_world())
    first, second, third = (math.exp(-rate * time) for _, time, rate in ZERO_RATES)
    assert found == pytest.approx(4 * first + 4 * second + 104 * third - 105.1 * first)
    assert found == pytest.approx(-4.27, abs=0.005)
    assert value(LATE_SWAP | {"pay_receive": "pay"}, in_market=late_world()) == pytest.approx(-found)


def test_the_swaps_legs_accrue_against_each_other() -> None:
    """90 of 360 days since 15 October, at 8 % received and 10.2 % paid."""
    assert value(LATE_SWAP, "ACCRUED", in_market=late_world()) == pytest.approx(100 * (0.08 - 0.102) * 90 / 360)


def test_a_floating_bond_without_spreads_is_worth_its_notional_on_the_day_it_is_fixed() -> None:
    """Projected and discounted on one curve, the coupons are worth what the notional loses by being paid late."""
    bond = FLOATER | SINGLE | {"start_date": "2026-01-15", "maturity_date": "2031-01-15", "spread": None}
    assert value(bond) == pytest.approx(1_000_000.0, abs=1e-8)
    later = bond | {"start_date": "2027-01-15"}
    assert value(later) == pytest.approx(1_000_000.0 * math.exp(-0.034), abs=1e-6)


def test_a_coupon_that_was_fixed_is_known() -> None:
    """One period from 15 December, 90 days of ACT/360 at the fixing and the spread."""
    of = rates_world()
    of.fixings["USD-SOFR-3M"]["2025-12-15"] = 0.05
    bond = FLOATER | {"notional": 100.0, "start_date": "2025-12-15", "maturity_date": "2026-03-15"}
    discount = math.exp(-(0.0365 + (0.034 - 0.0365) * 59 / 365) * 59 / 365)
    assert value(bond, in_market=of) == pytest.approx(100 * (1 + 0.0525 * 90 / 360) * discount)
    assert value(bond, "ACCRUED", in_market=of) == pytest.approx(100 * 0.0525 * 31 / 360)


def test_a_rate_fixed_today_is_used_if_it_is_known_and_projected_if_not() -> None:
    today = FLOATER | {"notional": 100.0, "start_date": "2026-01-15", "maturity_date": "2027-01-15", "frequency": 1}
    of = rates_world()
    growth = 1 + 0.0025 * 365 / 360
    assert value(today, in_market=of) == pytest.approx(100 * (growth + 0.0333 * 365 / 360) * math.exp(-0.034))
    del of.fixings["USD-SOFR-3M"]["2026-01-15"]
    projected = math.exp(0.0371 + (0.0352 - 0.0371) * 1 + (0.0341 - 0.0352) * (365 - 181) / (1096 - 181)) - 1
    assert value(today, in_market=of) == pytest.approx(100 * (growth + projected) * math.exp(-0.034))


def test_a_rate_is_fixed_business_days_before_its_period() -> None:
    """Two business days in London before Monday 29 December 2025, over Christmas and Boxing Day: 23 December."""
    of = rates_world()
    of.fixings["USD-SOFR-3M"] = {"2025-12-23": 0.05}
    bond = FLOATER | {"start_date": "2025-12-29", "maturity_date": "2026-03-29", "fixing_days": 2, "notional": 100.0}
    assert value(bond | {"fixing_calendar": "UK"}, "ACCRUED", in_market=of) == pytest.approx(100 * 0.0525 * 17 / 360)
    assert error(bond, in_market=of) == ("MISSING_MARKET_DATA", "no USD-SOFR-3M fixing on 2025-12-27")


def test_a_fixing_that_is_missing_leaves_every_cell_of_its_position_null_and_no_other() -> None:
    other = FLOATER | {"index": "USD-TERM"}
    run = priced([FLOATER, other, SWAP], measures=("PV", "ACCRUED", "DV01", "KRD"), in_market=without_fixings("USD-SOFR-3M"))
    without = [code for code in run.error if code]
    assert set(without) == {"MISSING_MARKET_DATA"}
    assert set(run.row_no[[code is not None for code in run.error]].tolist()) == {0, 2}
    assert {run.error_detail[row] for row in np.flatnonzero(run.row_no != 1)} == {"no USD-SOFR-3M fixing on 2025-12-15"}
    assert np.isnan(run.values[run.row_no != 1]).all()
    alone = priced([other], measures=("PV", "ACCRUED", "DV01", "KRD"))
    np.testing.assert_array_equal(run.values[run.row_no == 1], alone.values)
    assert run.totals["ACCRUED"]["base"] == pytest.approx(alone.totals["ACCRUED"]["base"])


def test_accrued_interest_needs_fixings_but_no_curve() -> None:
    swiss = FLOATER | {"currency": "CHF"}
    assert error(swiss) == ("MISSING_MARKET_DATA", "no CHF curve")
    assert value(swiss, "ACCRUED") == value(FLOATER, "ACCRUED")


def test_an_index_of_another_currency_does_not_project() -> None:
    wrong = {"currency": "EUR"}
    sentence = "no EUR projection curve of USD-SOFR-3M: it is in USD"
    assert error(FLOATER | wrong) == ("MISSING_MARKET_DATA", sentence)
    assert error(SWAP | wrong) == ("MISSING_MARKET_DATA", sentence)


def test_matured_positions_need_no_fixings_and_are_worth_zero() -> None:
    for position in (FLOATER, SWAP):
        over = position | {"maturity_date": "2026-01-15", "index": "NOBODYS", "currency": "CHF"}
        for measure in ("PV", "ACCRUED", "DV01", "KRD"):
            assert value(over, measure) == 0.0


def test_a_future_start_needs_no_fixing() -> None:
    later = {"start_date": "2026-03-15", "index": "NEVER-FIXED"}
    assert error(FLOATER | later) == (None, None)
    assert error(SWAP | later) == (None, None)


@settings(max_examples=30)
@given(swaps(), scenario_sets)
def test_a_swap_is_a_fixed_bond_less_a_floating_bond(swap: dict[str, Any], sets: list[Any]) -> None:
    """Their notionals cancel where both are repaid on one day, in a market without credit spreads."""
    sets = [[shock for shock in shocks if shock["kind"] != "credit_spread"] for shocks in sets]
    side = 1.0 if swap["pay_receive"] == "receive" else -1.0
    shared = {key: swap[key] for key in swap if not key.startswith(("fixed", "floating", "pay_receive"))}
    fixed = shared | {
        "product_type": "FIXED_BOND", "coupon": swap["fixed_rate"],
        "day_count": swap["fixed_day_count"], "frequency": swap["fixed_frequency"],
    }  # fmt: skip
    floater = shared | {
        "product_type": "FLOATING_BOND",
        "day_count": swap["floating_day_count"], "frequency": swap["floating_frequency"],
    }  # fmt: skip
    run = priced([swap, fixed, floater], *sets, measures=("PV", "ACCRUED", "DV01"))
    by_row = [run.values[run.row_no == row] for row in range(3)]
    tolerance = 1e-9 * abs(swap["notional"])
    np.testing.assert_allclose(by_row[0], side * (by_row[1] - by_row[2]), rtol=0, atol=tolerance)


@settings(max_examples=30)
@given(positions, scenario_sets)
def test_dv01_and_cs01_are_the_difference_that_the_bump_makes(position: dict[str, Any], sets: list[Any]) -> None:
    bond = position["product_type"] == "FLOATING_BOND"
    run = priced([position], *sets, measures=("PV", "DV01", "CS01") if bond else ("PV", "DV01"))
    tolerance = 1e-9 * abs(position["notional"])
    rates_up = priced([position], *([*shocks, PARALLEL] for shocks in sets))
    np.testing.assert_allclose(run.values[1], rates_up.values[0] - run.values[0], rtol=0, atol=tolerance)
    spread_up = priced([position], *([*shocks, SPREAD] for shocks in sets))
    change = spread_up.values[0] - run.values[0]
    np.testing.assert_allclose(run.values[2] if bond else 0.0 * change, change, rtol=0, atol=tolerance)


@settings(max_examples=20)
@given(positions, st.sampled_from(["linear_zero", "log_linear_df", "flat_forward", "monotone_cubic_zero"]))
def test_key_rates_are_the_differences_that_bumped_curves_make(position: dict[str, Any], interpolation: str) -> None:
    raw = rates_market(rates_world()).model_dump(mode="python")
    for curve in (*raw["curves"].values(), *raw["projection_curves"].values()):
        curve["interpolation"] = interpolation

    def pv(snapshot: dict[str, Any], *measures: str) -> Any:
        return price_run(Portfolio.from_records([position]), Market.model_validate(snapshot), [], measures, VALUATION)

    run = pv(raw, "PV", "KRD")
    before = run.values[0, 0]
    buckets = zip(run.bucket[1:], run.values[1:, 0], strict=True)
    for bucket, found in buckets:
        name, _, pillar = bucket.rpartition(":")
        curve = raw["projection_curves"][name] if name else raw["curves"][position["currency"]]
        place = [str(each) for each in curve["pillars"]].index(pillar) if pillar else 0
        curve["zero_rates"][place] += 1e-4
        change = pv(raw, "PV").values[0, 0] - before
        curve["zero_rates"][place] -= 1e-4
        assert found == pytest.approx(change, abs=1e-9 * abs(position["notional"]))


def test_projection_pillars_go_under_the_name_of_the_index_and_an_index_without_curve_has_none() -> None:
    of = rates_world()
    own = list(of.discount.curves["USD"])
    projected = [f"USD-SOFR-3M:{pillar}" for pillar in of.projections.curves["USD-SOFR-3M"]]
    run = priced([SWAP, SWAP | SINGLE, FLOATER], measures=("KRD",))
    assert run.bucket == [*own, *projected, *own, *own, *projected]


def test_an_issuers_curve_is_part_of_discounting_but_not_of_projecting() -> None:
    of = rates_world()
    snapshot = rates_market(of).model_dump(mode="python")
    credit = {"kind": "spread", "interpolation": "linear_zero", "pillars": ["2026-01-15"], "rates": [0.02]}
    snapshot["credit_curves"] = {"issuers": {"ACME": credit}, "ratings": {}}
    book = [FLOATER | {"issuer": "ACME"}, FLOATER | {"credit_spread": 0.02}, SWAP]
    run = price_run(Portfolio.from_records(book), Market.model_validate(snapshot), [], ("PV", "CS01"), VALUATION)
    np.testing.assert_allclose(run.values[:2], run.values[2:4], rtol=1e-12)
    assert run.error_detail[-1] == "IRS has no CS01"
    assert run.values[4, 0] == value(SWAP)


def ladder(size: int) -> list[dict[str, Any]]:
    """Bonds and swaps with every term different from position to position."""
    book = []
    for number in range(size):
        own = {
            "start_date": (date(2023, 1, 31) + timedelta(11 * number)).isoformat(),
            "maturity_date": (date(2025, 12, 31) + timedelta(37 * number)).isoformat(),
            "stub": ("short_first", "short_last", "long_first")[number % 3],
            "index": ("USD-SOFR-3M", "USD-TERM", "NOBODYS")[number % 5 % 3],
            "fixing_days": number % 3,
        }
        rules = {"calendar": "US", "payment_convention": "following"} if number % 2 else {}
        frequency = (1, 2, 4, 12)[number % 4]
        book += [FLOATER | own | rules | {"frequency": frequency}, SWAP | own | rules | {"floating_frequency": frequency}]
    return book


MEASURES = ("PV", "ACCRUED", "DV01", "CS01", "KRD", "FX_DELTA")
SETS = [[], [PARALLEL], [{"kind": "credit_spread", "bp": 50.0}]]


def test_a_large_run_gives_what_small_ones_give() -> None:
    book = ladder(25)
    run = priced(book, *SETS, measures=MEASURES)
    for row, position in enumerate(book):
        alone = priced([position], *SETS, measures=MEASURES)
        np.testing.assert_allclose(run.values[run.row_no == row], alone.values, rtol=1e-12, atol=1e-9)
        assert [run.error[i] for i in np.flatnonzero(run.row_no == row)] == alone.error


def test_pieces_that_bound_memory_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    book = ladder(20)
    whole = priced(book, *SETS, measures=MEASURES)
    monkeypatch.setattr(filling, "BLOCK_CELLS", 600)
    monkeypatch.setattr(floating, "_PIECE", 40)
    shapes: list[tuple[int, int]] = []
    unwatched = floating_measures.projected_coupons

    def watched(*arguments: Any) -> Any:
        coupons = unwatched(*arguments)
        if coupons is not None:
            shapes.append(coupons.value.shape)
        return coupons

    monkeypatch.setattr(floating_measures, "projected_coupons", watched)
    pieces = priced(book, *SETS, measures=MEASURES)
    assert max(rows * columns for rows, columns in shapes) <= 600
    shapes.clear()
    priced(book, *SETS)
    assert max(columns for _, columns in shapes) > 1
    np.testing.assert_allclose(pieces.values, whole.values, rtol=1e-12, atol=1e-9)
    assert (pieces.error, pieces.error_detail, pieces.bucket) == (whole.error, whole.error_detail, whole.bucket)


@pytest.mark.parametrize("rate", [-0.5, 0.0, 5.0])
@pytest.mark.parametrize("position", [FLOATER, SWAP])
def test_rates_far_from_any_market_stay_finite_or_in_their_cell(position: dict[str, Any], rate: float) -> None:
    wild = [{"kind": "rate_parallel", "bp": rate * 1e4, "currency": "*"}]
    beyond = [{"kind": "rate_parallel", "bp": -1e9, "currency": "*"}]
    run = priced([position, position | {"currency": "EUR", "index": "EURIBOR-6M"}], [], wild, beyond)
    assert np.isfinite(run.values[:, :2]).all()
    assert np.isnan(run.values[:, 2]).all()
    assert run.error == ["CALCULATION_FAILED"] * 2


INVALID = [
    (FLOATER, "index", None, "index: missing"),
    (FLOATER, "index", "", "index: must be a name of 1 to 256 printable characters, not ''"),
    (FLOATER, "spread", math.inf, "spread: must be finite, not inf"),
    (FLOATER, "fixing_days", 31, "fixing_days: must be a whole number from 0 to 30, not 31"),
    (FLOATER, "maturity_date", "2024-03-15", "maturity_date: must be after start_date"),
    (FLOATER, "first_coupon_date", "2032-03-15", "first_coupon_date: must be after start_date and not after maturity_date"),
    (SWAP, "pay_receive", "both", "pay_receive: must be one of pay, receive, not 'both'"),
    (SWAP, "fixed_rate", None, "fixed_rate: missing"),
    (SWAP, "floating_frequency", 3, "floating_frequency: must be one of 1, 2, 4, 12, not 3"),
    (SWAP, "maturity_date", "2024-03-15", "maturity_date: must be after start_date"),
    (
        SWAP | {"calendar": "US", "floating_day_count": "ACT/ACT ISMA"},
        "accrual_convention",
        "following",
        "accrual_convention: must be unadjusted with ACT/ACT ISMA, which counts between the contract's dates",
    ),
]


@pytest.mark.parametrize(("position", "field", "wrong", "sentence"), INVALID)
def test_wrong_terms_name_their_field(position: dict[str, Any], field: str, wrong: Any, sentence: str) -> None:
    assert error(position | {field: wrong}) == ("INVALID_TERMS", sentence)


def test_a_swap_has_no_credit_spread_and_neither_has_an_fx_delta() -> None:
    assert error(SWAP, "CS01") == ("UNSUPPORTED", "IRS has no CS01")
    assert error(SWAP, "FX_DELTA") == ("UNSUPPORTED", "IRS has no FX_DELTA")
    assert error(FLOATER, "FX_DELTA") == ("UNSUPPORTED", "FLOATING_BOND has no FX_DELTA")
