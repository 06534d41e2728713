"""Swaps are two forwards."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pytest
from hypothesis import given

from tests.unit.handlers.price.fx_books import SWAP, error, priced, swaps, value

MEASURES = ("PV", "DV01", "KRD", "FX_DELTA")


def forward(swap: dict[str, Any], side: float, leg: str) -> dict[str, Any]:
    own = {"notional": side * swap["notional"], "strike": swap[f"{leg}_strike"], "maturity_date": swap[f"{leg}_date"]}
    return {name: swap[name] for name in ("position_id", "base_currency", "quote_currency")} | {"product_type": "FX_FWD"} | own


@given(swaps())
def test_a_swap_is_a_forward_bought_near_and_one_sold_far(swap: dict[str, Any]) -> None:
    run = priced([swap, forward(swap, 1.0, "near"), forward(swap, -1.0, "far")], measures=MEASURES)
    whole, near, far = (run.values[run.row_no == row] for row in range(3))
    near_or_nothing = near if near.size == whole.size else np.zeros_like(whole)
    np.testing.assert_allclose(whole, near_or_nothing + far, rtol=1e-12, atol=1e-9 * abs(swap["notional"]))
    assert [run.bucket[row] for row in np.flatnonzero(run.row_no == 0)] == [
        run.bucket[row] for row in np.flatnonzero(run.row_no == 2)
    ]


def test_a_swap_whose_near_leg_is_paid_is_its_far_leg() -> None:
    on_the_day = {"valuation": date(2026, 1, 19)}
    assert value(SWAP, **on_the_day) == pytest.approx(value(forward(SWAP, -1.0, "far"), **on_the_day))
    assert value(SWAP, valuation=date(2026, 1, 18)) != pytest.approx(value(SWAP, **on_the_day), rel=0.05)


def test_a_swap_that_is_over_is_worth_nothing() -> None:
    over = priced([SWAP], measures=(*MEASURES, "ACCRUED"), valuation=date(2026, 7, 20))
    assert (over.values == 0.0).all()
    assert over.errors == 0


INVALID = [
    ({"far_date": "2026-01-19"}, "far_date: must be after near_date"),
    ({"near_date": None}, "near_date: missing"),
    ({"far_strike": "1.1"}, "far_strike: must be a number, not '1.1'"),
    ({"quote_currency": "EUR"}, "quote_currency: must differ from base_currency"),
]


@pytest.mark.parametrize(("wrong", "sentence"), INVALID)
def test_wrong_terms_name_their_field(wrong: dict[str, Any], sentence: str) -> None:
    assert error(SWAP | wrong) == ("INVALID_TERMS", sentence)


def test_a_swap_needs_both_curves_and_a_spot() -> None:
    assert error(SWAP | {"base_currency": "CHF"}) == ("MISSING_MARKET_DATA", "no CHF curve")
    assert error(SWAP, "GAMMA") == ("UNSUPPORTED", "FX_SWAP has no GAMMA")
