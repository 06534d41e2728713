"""What holds for any position of any product: sensitivities are differences, and neighbours and slices change nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import cache
from typing import Any, get_args

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from events.run import Measure
from handlers.price.pricers import PRICERS
from handlers.price.sheet import PricedRun
from tests.unit.handlers.price.books import VALUATION
from tests.unit.handlers.price.whole_book import BOOK, CREDIT, market, priced, random_positions

EVERY: tuple[str, ...] = get_args(Measure)
TOMORROW = VALUATION + timedelta(days=1)
HAZARDS = {"kind": "hazard", "interpolation": "linear_zero", "pillars": list(CREDIT), "rates": [0.012, 0.02, 0.03]}
RATED = market(credit_curves=market().model_dump()["credit_curves"] | {"ratings": {"BBB": HAZARDS}})
FLAT = market(fx_vols={"EURUSD": {"flat": 0.08}, "GBPUSD": {"flat": 0.0875}, "EURGBP": {"flat": 0.06}})
SETS: list[list[dict[str, Any]]] = [
    [],
    [{"kind": "rate_parallel", "currency": "*", "bp": 25.0}, {"kind": "credit_spread", "bp": 40.0}],
    [{"kind": "fx", "pair": "EURUSD", "relative": 0.07}, {"kind": "vol", "pair": "*", "relative": 0.1}],
]


def size(position: dict[str, Any]) -> float:
    return abs(float(position.get("notional", position.get("quantity", 0.0) * 200.0)))


def has(position: dict[str, Any], *measures: str) -> bool:
    return all(PRICERS[position["product_type"]].has(measure) for measure in measures)


def assert_same(found: PricedRun, place: int, expected: PricedRun, row: int, scale: float) -> None:
    """One position's rows in two runs: values to 1e-12 of them and of the notional, buckets and errors exactly."""
    here, there = np.flatnonzero(found.row_no == place), np.flatnonzero(expected.row_no == row)
    np.testing.assert_allclose(found.values[here], expected.values[there], rtol=1e-12, atol=1e-12 * max(scale, 1.0))
    for column in ("measure", "bucket", "error", "error_detail"):
        one, other = getattr(found, column), getattr(expected, column)
        assert [one[each] for each in here] == [other[each] for each in there]


@settings(max_examples=10)
@given(st.lists(random_positions, min_size=1, max_size=6), st.randoms())
def test_order_and_slices_change_nothing(drawn: list[dict[str, Any]], random: Any) -> None:
    book = [position | {"rating": "BBB"} for position in [*drawn, *BOOK]]
    whole = priced(book, *SETS, measures=EVERY, in_market=RATED)
    rows = list(range(len(book)))
    random.shuffle(rows)
    cut = random.randint(1, len(rows) - 1)
    for part in (rows[:cut], rows[cut:]):
        run = priced([book[row] for row in part], *SETS, measures=EVERY, in_market=RATED)
        for place, row in enumerate(part):
            assert_same(run, place, whole, row, size(book[row]))


@settings(max_examples=40)
@given(random_positions)
def test_credit_and_spread_sensitivities_are_differences(position: dict[str, Any]) -> None:
    assume(has(position, "CS01"))
    bump = [{"kind": "credit_spread", "bp": 1.0}]
    values = dict(rows_of([position], [], bump, measures=("PV", "CS01")))
    expected, close = values["PV"][1] - values["PV"][0], {"rtol": 1e-9, "atol": 1e-11 * size(position)}
    np.testing.assert_allclose(values["CS01"][0], expected, **close)
    if has(position, "SPREAD_DV01") and not is_over(position):
        found = dict(rows_of([position], measures=("SPREAD_DV01",)))
        np.testing.assert_allclose(found["SPREAD_DV01"][0], expected, rtol=1e-6, atol=1e-9 * size(position))


def is_over(position: dict[str, Any]) -> bool:
    run = priced([position], measures=("Z_SPREAD",))
    return run.error == ["CALCULATION_FAILED"]


def rows_of(
    book: Sequence[dict[str, Any]], *sets: list[dict[str, Any]], measures: tuple[str, ...], **options: Any
) -> list[tuple[str, Any]]:
    """Measure and values of every row of a run without errors."""
    run = priced(book, *sets, measures=measures, **options)
    assert run.errors == 0, run.error_detail
    return list(zip(run.measure, run.values, strict=True))


@settings(max_examples=40)
@given(random_positions)
def test_exchange_rate_sensitivities_are_differences_where_smiles_are_flat(position: dict[str, Any]) -> None:
    assume(has(position, "FX_DELTA"))
    pair, step = position["base_currency"] + position["quote_currency"], 1e-5
    moves = [[{"kind": "fx", "pair": pair, "relative": by}] for by in (0.0, step, -step)]
    has_gamma = has(position, "GAMMA")
    measures = ("PV", "FX_DELTA", "GAMMA") if has_gamma else ("PV", "FX_DELTA")
    values = dict(rows_of([position], *moves, measures=measures, in_market=FLAT))
    spot = {"EURUSD": 1.0875, "USDEUR": 1 / 1.0875, "GBPUSD": 1.27, "EURGBP": 0.856, "GBPEUR": 1 / 0.856}[pair]
    at, up, down = values["PV"]
    # What differences leave out is a part of step² / 6v² of them, v being the deviation until expiry, which is 0.003 at least.
    np.testing.assert_allclose(values["FX_DELTA"][0], (up - down) / (2 * step * spot), rtol=1e-5, atol=1e-5 * size(position))
    if has_gamma:
        slope = (values["FX_DELTA"][1] - values["FX_DELTA"][2]) / (2 * step) * 0.01
        np.testing.assert_allclose(values["GAMMA"][0], slope, rtol=1e-4, atol=1e-5 * size(position))
        up_vol = [[], [{"kind": "vol", "pair": "*", "absolute": 0.01}]]
        vega = dict(rows_of([position], *up_vol, measures=("PV", "VEGA"), in_market=FLAT))
        np.testing.assert_allclose(vega["VEGA"][0], vega["PV"][1] - vega["PV"][0], rtol=1e-9, atol=1e-11 * size(position))
    assert at == values["PV"][0]


@settings(max_examples=40)
@given(random_positions)
def test_theta_is_tomorrows_value_and_payments_less_todays(position: dict[str, Any]) -> None:
    """Tomorrow's market is today's, and has its fixings; ex coupons and expiries are tested elsewhere."""
    position = position | {"ex_coupon_days": None}
    later = market(valuation=TOMORROW)
    assume(position.get("expiry_date") != TOMORROW.isoformat())
    assume(not (position["product_type"] == "NDF" and position["fixing_date"] == VALUATION.isoformat()))
    tomorrow = priced([position], valuation=TOMORROW, in_market=later)
    assert tomorrow.errors == 0, tomorrow.error_detail
    today = dict(rows_of([position], measures=("PV", "THETA"), in_market=later))
    expected = tomorrow.values[0, 0] + paid_tomorrow(position) - today["PV"][0]
    np.testing.assert_allclose(today["THETA"][0], expected, rtol=1e-9, atol=1e-10 * size(position))


def paid_tomorrow(position: dict[str, Any]) -> float:
    """In the currency of the results, at today's spot."""
    if not has(position, "CASHFLOWS"):
        return 0.0
    run = priced([position], measures=("CASHFLOWS",), in_market=market(valuation=TOMORROW))
    paid = {bucket: float(value) for bucket, value in zip(run.bucket, run.values[:, 0], strict=True)}
    total = paid.get(TOMORROW.isoformat(), 0.0)
    for bucket, amount in paid.items():
        if bucket.endswith(f":{TOMORROW.isoformat()}"):
            pair = position["base_currency"] + position["quote_currency"]
            spots = {"EURUSD": 1.0875, "USDEUR": 1 / 1.0875, "GBPUSD": 1.27, "EURGBP": 0.856, "GBPEUR": 1 / 0.856}
            total += amount * spots[pair]
    return total


WILD_NUMBERS = st.sampled_from([float("nan"), float("inf"), -float("inf"), 1.7e308, -1.7e308, 5e-324, 0.0, -1.0, 1e18])
WILD_DATES = st.sampled_from(["1900-01-01", "1899-12-31", "2299-12-31", "2300-01-01", "0001-01-01", "9999-12-31", "2026-01-16"])


@st.composite
def wild(draw: st.DrawFn) -> dict[str, Any]:
    """A position of which some numbers and dates are out of all bounds."""
    position = draw(st.sampled_from(BOOK))
    numbers = [name for name, value in position.items() if isinstance(value, float)]
    dates = [name for name in position if name.endswith("_date")]
    changed = {name: draw(WILD_NUMBERS) for name in draw(st.sets(st.sampled_from(numbers), max_size=2))} if numbers else {}
    if dates:
        changed |= {name: draw(WILD_DATES) for name in draw(st.sets(st.sampled_from(dates), max_size=2))}
    return position | changed


@cache
def alone() -> PricedRun:
    """The book without anything beside it."""
    return priced(BOOK, *SETS, measures=EVERY)


@settings(max_examples=40)
@given(st.lists(wild(), min_size=1, max_size=3))
def test_what_is_out_of_all_bounds_stays_in_its_own_cells(bad: list[dict[str, Any]]) -> None:
    run = priced([*bad, *BOOK], *SETS, measures=EVERY)
    for row in range(len(run.row_no)):
        lost = ~np.isfinite(run.values[row])
        assert np.isnan(run.values[row][lost]).all()
        assert bool(lost.any()) == (run.error[row] is not None), (run.measure[row], run.error[row], bad)
    for place in range(len(BOOK)):
        assert_same(run, len(bad) + place, alone(), place, size(BOOK[place]))


def test_every_product_has_a_value_at_rates_of_zero_and_below_and_far_above() -> None:
    """From 3 % below zero to 40 %; a level of rates is no reason for an error."""
    moves = [[{"kind": "rate_parallel", "currency": "*", "bp": bp}] for bp in (-700.0, -365.0, 0.0, 4_000.0)]
    for name in ("USD", "EUR", "GBP"):
        zero = {"pillars": ["2027-01-15"], "zero_rates": [0.0], "interpolation": "linear_zero"}
        curves = market().model_dump()["curves"] | {name: zero | {"compounding": "continuous", "day_count": "ACT/365F"}}
        run = priced(BOOK, *moves, measures=("PV", "ACCRUED", "DV01", "KRD", "THETA", "CS01"), in_market=market(curves=curves))
        assert {error for error in run.error if error != "UNSUPPORTED"} == {None}


@settings(max_examples=30)
@given(random_positions)
def test_what_is_sold_is_worth_the_opposite(position: dict[str, Any]) -> None:
    quantity = "quantity" if "quantity" in position else "notional"
    sold = position | {quantity: -position[quantity]}
    sold |= {name: -sold[name] for name in ("balloon", "payment", "commitment") if sold.get(name)}
    measures = tuple(name for name in EVERY if has(position, name) and name != "EXPECTED_LOSS")
    run = priced([position, sold], measures=measures, in_market=RATED)
    one, other = (run.values[run.row_no == row, 0] for row in (0, 1))
    names = [name for name, row in zip(run.measure, run.row_no, strict=True) if row == 0]
    ratios = np.isin(names, ("CLEAN_PRICE", "YTM", "MODIFIED_DURATION", "CONVEXITY", "Z_SPREAD"))
    np.testing.assert_allclose(other, np.where(ratios, one, -one), rtol=1e-9, atol=1e-12 * size(position))
