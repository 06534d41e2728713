"""Runs of exchange rate and credit products, shares and cash: what must not change their numbers."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from handlers.price import default_value, filling
from tests.unit.handlers.price.books import BOND, FORWARD, VALUATION, scenario_sets
from tests.unit.handlers.price.cds_books import CDS, HAZARD_PILLARS, swaps
from tests.unit.handlers.price.fx_books import CASH, NDF, OPTION, SHARES, SWAP, fx_positions, priced, snapshot

MEASURES = ("PV", "ACCRUED", "DV01", "CS01", "KRD", "FX_DELTA", "GAMMA", "VEGA", "THETA")
HAZARDS = {"kind": "hazard", "interpolation": "linear_zero", "pillars": list(HAZARD_PILLARS)}
CREDIT = {
    "issuers": {"ACME": HAZARDS | {"rates": [0.01, 0.012, 0.015, 0.02, 0.021]}},
    "ratings": {"BBB": HAZARDS | {"rates": [0.02, 0.02, 0.02, 0.02, 0.02], "interpolation": "log_linear_df"}},
}
MARKET = snapshot(credit_curves=CREDIT)
SETS = [
    [],
    [{"kind": "rate_parallel", "bp": 50.0, "currency": "*"}, {"kind": "credit_spread", "bp": 25.0}],
    [{"kind": "fx", "pair": "EURUSD", "relative": -0.1}],
]
positions = st.one_of(fx_positions, swaps(), st.sampled_from([CASH, SHARES]))


def ladder(size: int) -> list[dict[str, Any]]:
    """A book of all these products, with every term different from position to position."""
    book: list[dict[str, Any]] = []
    for number in range(size):
        day = (date(2026, 1, 20) + timedelta(37 * number)).isoformat()
        later = (date(2026, 2, 20) + timedelta(41 * number)).isoformat()
        base, quote = [("EUR", "USD"), ("GBP", "EUR"), ("USD", "EUR")][number % 3]
        pair = {"base_currency": base, "quote_currency": quote}
        kind = {"option_type": ("call", "put")[number % 2], "strike": 0.8 + 0.02 * number}
        credit = {"issuer": None, "rating": "BBB"} if number % 2 else {"coupon": 0.001 * number}
        book += [
            SWAP | pair | {"near_date": day, "far_date": later},
            NDF | pair | {"settlement_currency": base, "fixing_date": day, "maturity_date": later},
            OPTION | pair | kind | {"expiry_date": day, "delivery_date": later},
            CDS | credit | {"maturity_date": later, "currency": ("USD", "EUR", "CHF")[number % 3]},
            SHARES | {"quantity": float(number)},
            CASH | {"notional": -1.0 * number},
        ]
    return book


def test_a_large_run_gives_what_small_ones_give() -> None:
    book = ladder(12)
    run = priced(book, *SETS, measures=MEASURES, in_market=MARKET)
    for row, position in enumerate(book):
        alone = priced([position], *SETS, measures=MEASURES, in_market=MARKET)
        np.testing.assert_allclose(run.values[run.row_no == row], alone.values, rtol=1e-12, atol=1e-8)
        assert [run.error[i] for i in np.flatnonzero(run.row_no == row)] == alone.error


def test_pieces_that_bound_memory_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    book = ladder(12)
    whole = priced(book, *SETS, measures=MEASURES, in_market=MARKET)
    monkeypatch.setattr(filling, "CHUNK_FLOWS", 50)
    monkeypatch.setattr(filling, "BLOCK_CELLS", 100)
    monkeypatch.setattr(default_value, "_CELLS", 100)
    pieces = priced(book, *SETS, measures=MEASURES, in_market=MARKET)
    np.testing.assert_allclose(pieces.values, whole.values, rtol=1e-12, atol=1e-8)
    assert (pieces.error, pieces.bucket) == (whole.error, whole.bucket)
    for measure, totals in whole.totals.items():
        assert pieces.totals[measure] == pytest.approx(totals)


@settings(max_examples=30)
@given(st.lists(positions, min_size=1, max_size=5), scenario_sets, st.randoms())
def test_order_and_duplicates_do_not_change_a_position(book: list[dict[str, Any]], sets: list[Any], random: Any) -> None:
    rows = [*range(len(book)), *range(len(book))]
    random.shuffle(rows)
    run = priced(book, *sets, measures=MEASURES, in_market=MARKET)
    mixed = priced([book[row] for row in rows], *sets, measures=MEASURES, in_market=MARKET)
    for place, row in enumerate(rows):
        close = {"rtol": 1e-12, "atol": 1e-14 * max(1.0, abs(book[row].get("notional", 1.0))) + 1e-12}
        np.testing.assert_allclose(mixed.values[mixed.row_no == place], run.values[run.row_no == row], **close)


@settings(max_examples=30)
@given(positions, scenario_sets)
def test_dv01_is_the_difference_that_the_bump_makes(position: dict[str, Any], sets: list[Any]) -> None:
    run = priced([position], *sets, measures=("PV", "DV01"), in_market=MARKET)
    bump = {"kind": "rate_parallel", "bp": 1.0, "currency": "*"}
    higher = priced([position], *([*shocks, bump] for shocks in sets), in_market=MARKET)
    tolerance = 1e-9 * max(1.0, abs(position.get("notional", 1.0)))
    np.testing.assert_allclose(run.values[1], higher.values[0] - run.values[0], rtol=0, atol=tolerance)


@settings(max_examples=60)
@given(positions, scenario_sets)
def test_theta_is_what_the_next_day_changes_and_what_it_pays(position: dict[str, Any], sets: list[Any]) -> None:
    """Without payments on that day it is the difference of two runs; a swap may pay a premium, which the next test is about."""
    next_day = VALUATION + timedelta(days=1)
    assume(next_day.isoformat() not in position.values())
    assume(position["product_type"] != "CDS" or date.fromisoformat(position["maturity_date"]).day not in (15, 16, 17, 18))
    run = priced([position], *sets, measures=("PV", "THETA"), in_market=MARKET)
    later = priced([position], *sets, valuation=next_day, in_market=MARKET)
    assume(later.errors == 0)  # what has to be fixed today may not be tomorrow
    tolerance = 1e-11 * max(1.0, abs(position.get("notional", 1.0)))
    np.testing.assert_allclose(run.values[1], later.values[0] - run.values[0], rtol=0, atol=tolerance)


def test_theta_counts_what_is_paid_on_the_next_day_in_full() -> None:
    """On the eve of its last payment all that a position is worth tomorrow is that payment."""
    eve = date(2026, 7, 19)
    fixed = snapshot(credit_curves=CREDIT, fixings={"EURUSD": {"2026-07-16": 1.12}})
    forward = SWAP | {"product_type": "FX_FWD", "strike": 1.05, "maturity_date": "2026-07-20"}
    swap = SWAP | {"far_date": "2026-07-20", "far_strike": 1.05}
    protection = CDS | {"start_date": "2026-04-20", "maturity_date": "2026-07-20", "upfront": 0.1, "upfront_date": "2026-07-20"}
    expected = {
        "FX_FWD": 5_000_000 * (1.0875 - 1.05),
        "FX_SWAP": -5_000_000 * (1.0875 - 1.05),
        "NDF": 3_000_000 * (1.12 - 1.1),
        "FX_OPTION": 1_000_000 * (1.0875 - 1.05),
        "CDS": -10_000_000 * (0.01 * 92 / 360 + 0.1),
        "CASH": 250_000.0,
    }
    option = OPTION | {"strike": 1.05, "expiry_date": "2026-07-20", "delivery_date": None}
    book = [forward, swap, NDF, option, protection, CASH]
    run = priced(book, measures=("PV", "THETA"), valuation=eve, in_market=fixed)
    tomorrow = run.values[::2, 0] + run.values[1::2, 0]
    assert dict(zip((each["product_type"] for each in book), tomorrow.tolist(), strict=True)) == pytest.approx(expected)


def test_bad_positions_leave_their_neighbours_as_they_are() -> None:
    good = [SWAP, NDF, OPTION, CDS, SHARES, CASH, BOND]
    bad = [position | {field: None} for position in good for field in position if field not in ("delivery_date", "issuer")]
    alone = priced(good, measures=MEASURES, in_market=MARKET)
    among = priced([*bad, *good, *bad], measures=MEASURES, in_market=MARKET)
    kept = (among.row_no >= len(bad)) & (among.row_no < len(bad) + len(good))
    np.testing.assert_array_equal(among.values[kept], alone.values)
    assert among.totals == alone.totals


def test_vega_and_share_prices_agree_with_shocks_of_them_and_vega_alone_of_the_greeks_has_a_total() -> None:
    up = [{"kind": "vol", "pair": "EURUSD", "absolute": 0.01}, {"kind": "equity", "name": "ACME", "relative": -0.25}]
    run = priced([OPTION, SHARES], [], up, measures=("PV", "VEGA", "GAMMA", "FX_DELTA"), in_market=MARKET)
    present, vega = run.values[0], run.values[1]
    assert present[1] - present[0] == pytest.approx(vega[0], rel=1e-9)
    assert run.values[4].tolist() == [190_000.0, 142_500.0]
    assert set(run.totals) == {"PV", "VEGA"}
    assert run.totals["VEGA"]["s0"] == pytest.approx(vega[0])


@pytest.mark.parametrize("interpolation", ["linear_zero", "log_linear_df", "flat_forward", "monotone_cubic_zero"])
def test_key_rates_are_what_shocks_of_single_pillars_change_however_curves_are_interpolated(interpolation: str) -> None:
    curves = {name: curve.model_copy(update={"interpolation": interpolation}) for name, curve in MARKET.curves.items()}
    interpolated = MARKET.model_copy(update={"curves": curves})
    for position in (FORWARD, SWAP, NDF | {"settlement_currency": "EUR"}, OPTION, CDS):
        own = position.get("settlement_currency") or position.get("quote_currency") or position["currency"]
        run = priced([position], measures=("KRD",), in_market=interpolated)
        nodes = [bucket if ":" in bucket else f"{own}:{bucket}" for bucket in run.bucket]
        shocks = [[{"kind": "rate_node", "currency": node[:3], "pillar": node[4:], "bp": 1.0}] for node in nodes]
        shocked = priced([position], [], *shocks, in_market=interpolated).values[0]
        tolerance = 1e-11 * position["notional"]
        np.testing.assert_allclose(run.values[:, 0], shocked[1:] - shocked[0], rtol=0, atol=tolerance)
