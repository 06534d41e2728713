"""Whole runs: their shape, the identities between their numbers, and what must not change them."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.market import Market
from handlers.price import filling
from handlers.price.engine import cells_a_position
from handlers.price.sheet import Sheet
from tests.unit.handlers.price.books import (
    BOND,
    CURVES,
    FORWARD,
    LOAN,
    MEASURES,
    positions,
    priced,
    scenario_sets,
    value,
    world,
)

PARALLEL = {"kind": "rate_parallel", "bp": 1.0, "currency": "*"}


def test_rows_are_ordered_by_position_then_measure_as_requested_then_bucket() -> None:
    run = priced([FORWARD, BOND], measures=("KRD", "PV"))
    usd, eur = list(CURVES["USD"]), [f"EUR:{pillar}" for pillar in CURVES["EUR"]]
    assert run.row_no.tolist() == [0] * 10 + [1] * 6
    assert run.position_id == ["forward"] * 10 + ["bond"] * 6
    assert run.measure == ["KRD"] * 9 + ["PV"] + ["KRD"] * 5 + ["PV"]
    assert run.bucket == [*usd, *eur, "", *usd, ""]
    assert run.values.shape == (16, 1)
    assert (run.positions, run.errors, run.scenario_ids, run.measures) == (2, 0, ("base",), ("KRD", "PV"))
    assert sorted(run.bucket[:9]) == run.bucket[:9]


def test_an_empty_portfolio_has_no_rows_and_totals_of_zero() -> None:
    run = priced([], measures=("PV", "KRD"))
    assert (run.positions, run.errors, run.values.shape) == (0, 0, (0, 1))
    assert run.totals == {"PV": {"base": 0.0}}


def test_a_position_has_a_cell_for_each_scenario_and_measure_and_for_krd_one_for_each_pillar() -> None:
    curve = {"interpolation": "linear_zero", "compounding": "continuous", "day_count": "ACT/365F"}
    pillars = ["2027-01-15", "2028-01-15", "2031-01-15"]
    market = Market.model_validate(
        {
            "snapshot_id": "s",
            "as_of": "2026-01-15",
            "curves": {
                "EUR": curve | {"pillars": pillars[:1], "zero_rates": [0.02]},
                "USD": curve | {"pillars": pillars, "zero_rates": [0.02, 0.02, 0.02]},
            },
            "fx_spot": {},
        }
    )
    assert cells_a_position(50, ["PV", "DV01"], market) == 100
    assert cells_a_position(50, ["PV", "KRD"], market) == 200
    assert cells_a_position(2, ["KRD"], market.model_copy(update={"curves": {}})) == 2


@given(positions, scenario_sets)
def test_dv01_and_cs01_are_the_difference_that_the_bump_makes(position: dict[str, Any], sets: list[Any]) -> None:
    lending = position["product_type"] != "FX_FWD"
    run = priced([position], *sets, measures=("PV", "DV01", "CS01") if lending else ("PV", "DV01"))
    rates_up = priced([position], *([*shocks, PARALLEL] for shocks in sets))
    tolerance = 1e-9 * abs(position["notional"])
    np.testing.assert_allclose(run.values[1], rates_up.values[0] - run.values[0], rtol=0, atol=tolerance)
    if lending:
        spread_up = priced([position], *([*shocks, {"kind": "credit_spread", "bp": 1.0}] for shocks in sets))
        np.testing.assert_allclose(run.values[2], spread_up.values[0] - run.values[0], rtol=0, atol=tolerance)


@given(positions, scenario_sets)
def test_key_rates_add_up_to_dv01_but_for_convexity(position: dict[str, Any], sets: list[Any]) -> None:
    run = priced([position], *sets, measures=("PV", "DV01", "KRD"))
    gap = np.abs(run.values[2:].sum(axis=0) - run.values[1])
    most = abs(position["notional"]) * 100 * np.exp(40 * 0.1)
    assert (gap <= most * 1e-4**2 * 40**2).all()


def test_accrued_interest_is_zero_on_coupon_dates_before_the_start_and_after_maturity() -> None:
    for day in ("2025-09-15", "2026-03-15", "2021-03-15", "2021-03-14", "2019-01-01", "2031-03-15", "2032-01-01"):
        assert value(BOND, "ACCRUED", valuation=date.fromisoformat(day)) == 0.0
    assert value(BOND, "ACCRUED", valuation=date(2025, 9, 16)) == pytest.approx(1_000_000 * 0.0425 / 360)


def test_a_coupon_paid_on_the_valuation_date_is_no_longer_worth_anything() -> None:
    before = value(BOND, valuation=date(2026, 3, 14), in_market=world(date(2026, 3, 14)))
    after = value(BOND, valuation=date(2026, 3, 15), in_market=world(date(2026, 3, 15)))
    assert before - after == pytest.approx(1_000_000 * 0.02125, rel=0.01)


def test_a_future_starting_bond_pays_its_coupons_and_notional() -> None:
    later = BOND | {"start_date": "2027-03-15"}
    coupons = [value(BOND | {"start_date": start}) for start in ("2026-03-15", "2026-09-15", "2027-03-15")]
    assert coupons[0] > coupons[1] > coupons[2] == value(later)
    assert value(later, "ACCRUED") == 0.0


def test_a_sold_position_is_worth_the_opposite_of_a_bought_one() -> None:
    run = priced([BOND, BOND | {"notional": -BOND["notional"]}], measures=("PV", "ACCRUED", "DV01"))
    assert (run.values[:3] == -run.values[3:]).all()
    assert run.totals == {name: {"base": 0.0} for name in ("PV", "ACCRUED", "DV01")}


@given(st.lists(positions, min_size=1, max_size=6), scenario_sets, st.randoms())
def test_order_and_duplicates_do_not_change_a_position(book: list[dict[str, Any]], sets: list[Any], random: Any) -> None:
    rows = [*range(len(book)), *range(len(book))]
    random.shuffle(rows)
    run = priced(book, *sets, measures=MEASURES)
    mixed = priced([book[row] for row in rows], *sets, measures=MEASURES)
    for place, row in enumerate(rows):
        np.testing.assert_allclose(mixed.values[mixed.row_no == place], run.values[run.row_no == row], rtol=1e-13, atol=1e-9)
        assert [mixed.bucket[i] for i in np.flatnonzero(mixed.row_no == place)] == [
            run.bucket[i] for i in np.flatnonzero(run.row_no == row)
        ]


def ladder(size: int) -> list[dict[str, Any]]:
    """A book of all products with every term different from position to position."""
    first, terms = date(2021, 1, 31), ("short_first", "short_last", "long_first")
    counts = ("ACT/365F", "ACT/360", "30/360", "30E/360", "ACT/ACT ISMA")
    kinds = ("level_pay", "straight_line", "bullet")
    book = []
    for number in range(size):
        own = {
            "start_date": (first + timedelta(11 * number)).isoformat(),
            "maturity_date": (first + timedelta(2_000 + 37 * number)).isoformat(),
            "stub": terms[number % 3],
            "day_count": counts[number % 5],
            "frequency": (1, 2, 4, 12)[number % 4],
        }
        spread = {"credit_spread": None if number % 2 else 0.001 * number}
        loan = {"amortization": kinds[number % 3], "currency": ("USD", "EUR", "GBP", "CHF")[number % 4]}
        book += [BOND | own | spread, LOAN | own | loan, FORWARD | {"maturity_date": own["maturity_date"]}]
    return book


SETS = [[], [PARALLEL], [{"kind": "credit_spread", "bp": 50.0}], [{"kind": "fx", "pair": "EURUSD", "relative": -0.1}]]


def test_a_large_run_gives_what_small_ones_give() -> None:
    book = ladder(40)
    run = priced(book, *SETS, measures=MEASURES)
    for row, position in enumerate(book):
        alone = priced([position], *SETS, measures=MEASURES)
        np.testing.assert_allclose(run.values[run.row_no == row], alone.values, rtol=1e-12, atol=1e-9)
        assert [run.error[i] for i in np.flatnonzero(run.row_no == row)] == alone.error


def test_pieces_that_bound_memory_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    book = ladder(30)
    whole = priced(book, *SETS, measures=MEASURES)
    monkeypatch.setattr(filling, "CHUNK_FLOWS", 50)
    monkeypatch.setattr(filling, "BLOCK_CELLS", 100)
    shapes: list[tuple[int, int]] = []
    put = Sheet.put

    def noted(sheet: Sheet, rows: Any, measure: int, scenarios: slice, found: Any) -> None:
        if measure == MEASURES.index("PV"):
            shapes.append(found.shape)
        put(sheet, rows, measure, scenarios, found)

    monkeypatch.setattr(Sheet, "put", noted)
    pieces = priced(book, *SETS, measures=MEASURES)
    assert max(rows for rows, _ in shapes) < 30
    assert min(columns for _, columns in shapes) < len(SETS)
    np.testing.assert_allclose(pieces.values, whole.values, rtol=1e-12, atol=1e-9)
    assert (pieces.error, pieces.bucket) == (whole.error, whole.bucket)
    for measure, totals in whole.totals.items():
        assert pieces.totals[measure] == pytest.approx(totals)


@settings(max_examples=20)
@given(st.lists(positions, min_size=2, max_size=6), scenario_sets)
def test_totals_are_sums_of_rows_at_the_scenarios_spots(book: list[dict[str, Any]], sets: list[Any]) -> None:
    run = priced(book, *sets, measures=("PV",), reporting="GBP")
    worlds = [world().shocked(shocks) for shocks in sets]
    for number, each in enumerate(worlds):
        spots = {"GBP": 1.0, "USD": 1.0 / each.spots["GBPUSD"], "EUR": each.spots["EURGBP"]}
        money = [position.get("currency") or position["quote_currency"] for position in book]
        total = sum(row[number] * spots[name] for row, name in zip(run.values, money, strict=True))
        assert run.totals["PV"][f"s{number}"] == pytest.approx(total, rel=1e-12, abs=1e-4)
