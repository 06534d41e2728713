"""Smiles quoted by delta, against QuantLib's strikes, which are exact to nine digits."""

from __future__ import annotations

import math

import numpy as np
import pytest
import QuantLib as ql  # noqa: N813
from hypothesis import given
from hypothesis import strategies as st

from handlers.price import garman_kohlhagen as gk
from handlers.price.smile import interpolated, log_strikes

DELTAS = np.array([0.10, 0.25, 0.50, 0.75, 0.90])
VOLS = np.array([0.104, 0.0985, 0.095, 0.0975, 0.103])


def smile(vols: np.ndarray, time: float) -> tuple[np.ndarray, np.ndarray]:
    """One smile under one scenario: its log strikes and its volatilities, in the shape of many."""
    shaped = vols[None, :, None]
    return log_strikes(DELTAS, shaped, np.array([time])), shaped


def at(vols: np.ndarray, time: float, moneyness: float) -> float:
    strikes, shaped = smile(vols, time)
    return float(interpolated(strikes, shaped, np.array([0]), np.array([[moneyness]]))[0, 0])


@given(st.lists(st.floats(0.05, 0.3), min_size=5, max_size=5), st.floats(0.01, 10.0))
def test_strikes_of_deltas_are_quantlibs(vols: list[float], time: float) -> None:
    strikes, _ = smile(np.array(vols), time)
    for place, (delta, vol) in enumerate(zip(DELTAS, vols, strict=True)):
        deltas = ql.BlackDeltaCalculator(ql.Option.Call, ql.DeltaVolQuote.Fwd, 1.25, 0.97, 0.99, vol * math.sqrt(time))
        forward = 1.25 * 0.99 / 0.97
        assert strikes[0, place, 0] == pytest.approx(math.log(deltas.strikeFromDelta(delta) / forward), abs=1e-8)


def test_a_strike_has_the_volatility_of_the_delta_that_it_was_quoted_at() -> None:
    strikes, _ = smile(VOLS, 0.75)
    for place, (delta, vol) in enumerate(zip(DELTAS, VOLS, strict=True)):
        moneyness = float(strikes[0, place, 0])
        found = at(VOLS, 0.75, moneyness)
        assert found == pytest.approx(vol, rel=1e-14)
        asset, cash = np.array(1.0), np.array(math.exp(moneyness))
        assert float(gk.hedge_ratio(asset, cash, np.array(found * math.sqrt(0.75)), np.array(1.0))) == pytest.approx(delta)


def test_volatility_is_linear_in_the_log_strike_between_quotes_and_flat_outside() -> None:
    strikes, _ = smile(VOLS, 0.75)
    low, high = float(strikes[0, 2, 0]), float(strikes[0, 1, 0])
    assert at(VOLS, 0.75, 0.25 * low + 0.75 * high) == pytest.approx(0.25 * VOLS[2] + 0.75 * VOLS[1])
    assert at(VOLS, 0.75, 3.0) == pytest.approx(VOLS[0])
    assert at(VOLS, 0.75, -3.0) == pytest.approx(VOLS[-1])


def test_quotes_that_put_strikes_in_the_wrong_order_give_no_volatility() -> None:
    tangled = np.array([0.05, 0.9, 0.05, 0.05, 0.05])
    strikes, _ = smile(tangled, 4.0)
    assert (np.diff(strikes[0, :, 0]) > 0).any()
    assert math.isnan(at(tangled, 4.0, 0.0))
