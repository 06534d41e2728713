"""Option values and sensitivities, against QuantLib, each other and what they must come to at the ends."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import QuantLib as ql  # noqa: N813
from hypothesis import given, settings
from hypothesis import strategies as st

from handlers.price import garman_kohlhagen as gk

assets = st.floats(0.01, 200.0)
ratios = st.floats(0.3, 3.0)
deviations = st.floats(0.005, 2.0)
signs = st.sampled_from([1.0, -1.0])


def calculator(asset: float, cash: float, deviation: float, sign: float) -> Any:
    """QuantLib's Black calculator with a discount factor of 1: the asset is its forward, the cash its strike."""
    kind = ql.Option.Call if sign > 0 else ql.Option.Put
    return ql.BlackCalculator(ql.PlainVanillaPayoff(kind, cash), asset, deviation, 1.0)


@settings(max_examples=200)
@given(assets, ratios, deviations, signs)
def test_values_and_sensitivities_are_quantlibs(asset: float, ratio: float, deviation: float, sign: float) -> None:
    terms = (asset, asset * ratio, deviation, sign)
    reference = calculator(*terms)
    close = {"rel": 1e-10, "abs": 1e-13 * asset}
    assert float(gk.value(*map(np.array, terms))) == pytest.approx(reference.value(), **close)
    assert float(gk.hedge_ratio(*map(np.array, terms))) == pytest.approx(reference.deltaForward(), rel=1e-10, abs=1e-13)
    gamma = reference.gammaForward() * asset
    assert float(gk.convexity(*map(np.array, terms[:3]))) == pytest.approx(gamma, rel=1e-9, abs=1e-12)


@settings(max_examples=100)
@given(assets, ratios, deviations)
def test_a_call_less_a_put_is_the_asset_less_the_cash(asset: float, ratio: float, deviation: float) -> None:
    sides = (np.array(asset), np.array(asset * ratio), np.array(deviation))
    call, put = (gk.value(*sides, np.array(sign)) for sign in (1.0, -1.0))
    assert float(call - put) == pytest.approx(asset - asset * ratio, abs=1e-12 * asset)
    hedges = [float(gk.hedge_ratio(*sides, np.array(sign))) for sign in (1.0, -1.0)]
    assert hedges[0] - hedges[1] == pytest.approx(1.0, abs=1e-14)


@settings(max_examples=100)
@given(assets, st.floats(0.7, 1.4), st.floats(0.05, 1.0), signs)
def test_sensitivities_are_differences_of_values(asset: float, ratio: float, deviation: float, sign: float) -> None:
    """Central differences of 0.01 % of the asset, whose error is some 1e-8 of the derivative, and rounding."""
    step, cash = 1e-4 * asset, np.array(asset * ratio)
    down, at, up = (gk.value(np.array(asset + side * step), cash, np.array(deviation), np.array(sign)) for side in (-1, 0, 1))
    ratio_there = gk.hedge_ratio(np.array(asset), cash, np.array(deviation), np.array(sign))
    assert float(up - down) / (2 * step) == pytest.approx(float(ratio_there), abs=1e-5)
    convexity = gk.convexity(np.array(asset), cash, np.array(deviation))
    assert float(up - 2 * at + down) / step**2 * asset == pytest.approx(float(convexity), rel=1e-3, abs=1e-5)


def test_without_any_deviation_an_option_is_worth_what_exercise_would_bring() -> None:
    asset, cash = np.array([1.2, 1.0, 1.1]), np.array([1.1, 1.1, 1.1])
    call, put = (gk.value(asset, cash, np.zeros(3), np.array(sign)) for sign in (1.0, -1.0))
    assert call.tolist() == [pytest.approx(0.1), 0.0, 0.0]
    assert put.tolist() == [0.0, pytest.approx(0.1), 0.0]
    assert np.isnan(gk.convexity(asset, cash, np.zeros(3))).tolist() == [False, False, True]
    assert gk.convexity(asset, cash, np.zeros(3))[:2].tolist() == [0.0, 0.0]


def test_the_textbook_currency_call() -> None:
    """Hull, Options, Futures, and Other Derivatives, 9th edition, example 17.2: S = 1.6, K = 1.6, r = 8 %, r_f = 11 %,
    volatility 14.1 %, 4 months: 0.0430 (the call that the market priced at 4.3 cents, whose implied volatility is 14.1 %).
    """
    third = 1.0 / 3.0
    asset, cash = np.array(1.6 * math.exp(-0.11 * third)), np.array(1.6 * math.exp(-0.08 * third))
    assert float(gk.value(asset, cash, np.array(0.141 * math.sqrt(third)), np.array(1.0))) == pytest.approx(0.0430, abs=5e-5)


@pytest.mark.parametrize("wrong", [-0.1, math.nan])
def test_a_deviation_that_is_none_gives_no_number(wrong: float) -> None:
    assert np.isnan(gk.value(np.array(1.0), np.array(1.0), np.array(wrong), np.array(1.0)))
    assert np.isnan(gk.convexity(np.array(1.0), np.array(1.1), np.array(wrong)))
