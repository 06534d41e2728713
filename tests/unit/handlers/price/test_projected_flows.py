"""Cash flows, prices and spreads of positions with a floating leg: what they discount to, and what may not change them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handlers.price import filling
from tests.unit.handlers.price.books import VALUATION, scenario_sets
from tests.unit.handlers.price.oracle import _date
from tests.unit.handlers.price.rates_books import FLOATER, SWAP, floaters, priced, rates_world, swaps, value

ROWS = ("CASHFLOWS", "PV")
SETS = [[], [{"kind": "rate_parallel", "bp": 50.0, "currency": "*"}], [{"kind": "credit_spread", "bp": 20.0}]]


def discounted(position: dict[str, Any], *sets: list[Any]) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """The sum of a position's cash flows times QuantLib's discount factors, and its present values."""
    run = priced([position], *sets, measures=ROWS)
    assert run.errors == 0, run.error_detail
    totals = np.zeros(len(sets))
    for number, shocks in enumerate(sets):
        curve = rates_world().discount.shocked(shocks).discount(position["currency"])
        for bucket, amount in zip(run.bucket[:-1], run.values[:-1, number].tolist(), strict=True):
            totals[number] += amount * curve.discount(_date(bucket)) if bucket else amount
    return totals, run.values[-1]


def without_credit(sets: list[list[Any]]) -> list[list[Any]]:
    return [[shock for shock in shocks if shock["kind"] != "credit_spread"] for shocks in sets]


@settings(max_examples=40)
@given(floaters(), scenario_sets)
def test_a_bonds_projected_cash_flows_discount_to_its_present_value(position: dict[str, Any], sets: list[Any]) -> None:
    found, expected = discounted(position | {"credit_spread": None}, *without_credit(sets))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-8 * abs(position["notional"]))


@settings(max_examples=40)
@given(swaps(), scenario_sets)
def test_a_swaps_projected_cash_flows_discount_to_its_present_value(position: dict[str, Any], sets: list[Any]) -> None:
    found, expected = discounted(position, *sets)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-8 * abs(position["notional"]))


@settings(max_examples=40)
@given(floaters(), scenario_sets)
def test_the_spread_is_the_positions_own_and_the_scenarios(position: dict[str, Any], sets: list[Any]) -> None:
    """Credit shocks do not move projected rates, so they are found again."""
    last = date.fromisoformat(position["maturity_date"])
    if (last - VALUATION).days < 10:
        return
    run = priced([position], *sets, measures=("Z_SPREAD", "SPREAD_DV01", "CS01"))
    assert run.errors == 0, run.error_detail
    shifts = [sum(shock["bp"] for shock in shocks if shock["kind"] == "credit_spread") * 1e-4 for shocks in sets]
    expected = [(position.get("credit_spread") or 0.0) + shift for shift in shifts]
    assert run.values[0].tolist() == pytest.approx(expected, abs=1e-9)
    assert run.values[1].tolist() == pytest.approx(run.values[2].tolist(), rel=1e-7, abs=1e-9 * abs(position["notional"]))


def test_the_price_of_a_floater_on_the_day_of_its_fixing_is_a_hundred() -> None:
    """Projected and discounted on one curve, without spreads."""
    par = FLOATER | {"index": "USD-TERM", "spread": 0.0, "start_date": "2026-01-15", "maturity_date": "2031-01-15"}
    assert value(par, "CLEAN_PRICE") == pytest.approx(100.0, abs=1e-9)
    run = priced([par], measures=("CASHFLOWS",))
    assert run.bucket[0] == "2026-04-15"
    assert len(run.bucket) == 20
    assert run.values[-1, 0] > 1_000_000.0


def test_cash_flows_move_with_projected_rates_and_not_with_credit() -> None:
    run = priced([FLOATER], *SETS, measures=("CASHFLOWS",))
    known, *projected = run.values
    assert known[0] == known[1] == known[2]
    assert all(row[1] > row[0] for row in projected)
    np.testing.assert_allclose([row[2] for row in projected], [row[0] for row in projected], rtol=1e-13)


def test_a_floater_without_its_fixing_has_one_row_with_the_error() -> None:
    lost = FLOATER | {"index": "NOBODYS"}
    run = priced([lost, FLOATER], measures=("CASHFLOWS", "CLEAN_PRICE"))
    assert run.error[:2] == ["MISSING_MARKET_DATA"] * 2
    assert run.bucket[:2] == ["", ""]
    assert run.errors == 2


TOMORROW = VALUATION + timedelta(days=1)


def next_days_change(position: dict[str, Any], rate: float | None = None) -> float:
    """PV tomorrow and what is paid then less PV today, both days priced by themselves; `rate`: what is fixed today."""
    later = rates_world(TOMORROW)
    today = rates_world()
    same = replace(today.discount, valuation=TOMORROW.isoformat()), replace(today.projections, valuation=TOMORROW.isoformat())
    fixings = {name: days | today.fixings[name] for name, days in later.fixings.items()}
    if rate is not None:
        fixings[position["index"]] = fixings[position["index"]] | {VALUATION.isoformat(): rate}
    for name, days in fixings.items():
        fixings[name] = {day: each for day, each in days.items() if day < TOMORROW.isoformat()}
    world = replace(later, discount=same[0], projections=same[1], fixings=fixings)
    flows = priced([position], measures=("CASHFLOWS",))
    paid = sum(flows.values[place, 0] for place, bucket in enumerate(flows.bucket) if bucket == TOMORROW.isoformat())
    return value(position, valuation=TOMORROW, in_market=world) + float(paid) - value(position)


@settings(max_examples=40)
@given(st.one_of(floaters(), swaps()))
def test_theta_is_the_next_days_value_and_payments_less_todays(position: dict[str, Any]) -> None:
    """Of positions without a rate that is fixed today."""
    position = position | {"ex_coupon_days": None, "fixing_days": 0, "fixing_calendar": None, "calendar": None}
    position |= dict.fromkeys(("payment_convention", "accrual_convention"))
    periods = priced([position], measures=("THETA", "CASHFLOWS"))
    assert periods.errors == 0, periods.error_detail
    if VALUATION.isoformat() in unfixed_days(position) or date.fromisoformat(position["maturity_date"]) <= TOMORROW:
        return
    assert periods.values[0, 0] == pytest.approx(next_days_change(position), abs=1e-9 * abs(position["notional"]))


def unfixed_days(position: dict[str, Any]) -> list[str]:
    """Payment days are where the next period begins, if nothing moves them; the start is the first."""
    earlier = priced([position], measures=("CASHFLOWS",), valuation=VALUATION - timedelta(days=1))
    return [position["start_date"], *earlier.bucket]


@pytest.mark.parametrize("position", [FLOATER, FLOATER | {"credit_spread": 0.02}, SWAP])
@pytest.mark.parametrize(("start", "fixing_days"), [("2026-01-15", 0), ("2026-01-17", 2)])
def test_a_rate_that_is_fixed_today_is_fixed_as_it_is_projected(position: dict[str, Any], start: str, fixing_days: int) -> None:
    """Tomorrow's run is given what today's curve makes of the first period, until 2026-04-15."""
    fresh = position | {"index": "USD-TERM", "start_date": start, "maturity_date": "2031-01-15", "fixing_days": fixing_days}
    curve, first = rates_world().discount.discount("USD"), "2026-04-15"
    years = (date.fromisoformat(first) - date.fromisoformat(start)).days / 360
    rate = (curve.discount(_date(start)) / curve.discount(_date(first)) - 1) / years
    assert value(fresh, "THETA") == pytest.approx(next_days_change(fresh, rate), abs=1e-6)


@pytest.mark.parametrize("position", [FLOATER, FLOATER | {"credit_spread": 0.02}, SWAP])
def test_a_rate_that_is_known_for_tomorrow_is_fixed_so(position: dict[str, Any]) -> None:
    """As the present value of the next day has it."""
    later = position | {"index": "USD-TERM", "start_date": "2026-01-16", "maturity_date": "2031-01-16"}
    fixings = {"USD-TERM": {TOMORROW.isoformat(): 0.07}}
    today, tomorrow = (replace(rates_world(day), fixings=fixings) for day in (VALUATION, TOMORROW))
    same = replace(rates_world().discount, valuation=TOMORROW.isoformat())
    tomorrow = replace(tomorrow, discount=same, projections=replace(rates_world().projections, valuation=TOMORROW.isoformat()))
    change = value(later, valuation=TOMORROW, in_market=tomorrow) - value(later, in_market=today)
    assert value(later, "THETA", in_market=today) == pytest.approx(change, abs=1e-6)
    assert abs(change - value(later, "THETA")) > 5_000.0


def test_a_swap_has_cash_flows_but_no_price() -> None:
    run = priced([SWAP], measures=("CASHFLOWS", "CLEAN_PRICE", "Z_SPREAD"))
    assert run.error[-2:] == ["UNSUPPORTED"] * 2
    assert run.error[:-2] == [None] * (len(run.error) - 2)


def test_neighbours_and_pieces_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    book = [FLOATER | {"maturity_date": f"{2027 + number}-03-15", "credit_spread": 0.001 * number} for number in range(8)]
    book += [SWAP | {"maturity_date": f"{2027 + number}-09-15"} for number in range(8)]
    measures = ("PV", "CLEAN_PRICE", "Z_SPREAD", "SPREAD_DV01", "THETA", "CASHFLOWS")
    whole = priced(book, *SETS, measures=measures)
    monkeypatch.setattr(filling, "CHUNK_FLOWS", 40)
    monkeypatch.setattr(filling, "BLOCK_CELLS", 60)
    pieces = priced(book, *SETS, measures=measures)
    np.testing.assert_allclose(pieces.values, whole.values, rtol=1e-12, atol=1e-9)
    assert (pieces.error, pieces.bucket) == (whole.error, whole.bucket)
    for row, position in enumerate(book):
        alone = priced([position], *SETS, measures=measures)
        np.testing.assert_allclose(whole.values[whole.row_no == row], alone.values, rtol=1e-12, atol=1e-9)
