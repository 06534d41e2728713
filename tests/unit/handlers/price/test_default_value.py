"""Integrals over spans of time, against quadrature."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad

from handlers.price.default_value import default_integrals

rates = st.floats(-0.05, 0.3)
hazards = st.one_of(st.just(0.0), st.floats(0.0, 3.0))
lengths = st.integers(1, 4000)


def integrals(forward: float, hazard: float, days: int) -> tuple[float, float]:
    """Both integrals over a span of constant rates, from a discount factor of 0.9 and a survival of 0.8 on."""
    years = days / 365.0
    sides = (0.9, 0.9 * math.exp(-forward * years), 0.8, 0.8 * math.exp(-hazard * years))
    level, moment = default_integrals(*(np.array([[side]]) for side in sides), np.array([float(days)]))
    return float(level[0, 0]), float(moment[0, 0])


@given(rates, hazards, lengths)
def test_integrals_over_a_span_are_those_of_quadrature(forward: float, hazard: float, days: int) -> None:
    def density(t: float) -> float:
        return 0.9 * 0.8 * hazard / 365.0 * math.exp(-(forward + hazard) * t / 365.0)

    level, moment = integrals(forward, hazard, days)
    assert level == pytest.approx(quad(density, 0.0, days)[0], rel=1e-9, abs=1e-15)
    assert moment == pytest.approx(quad(lambda t: t * density(t), 0.0, days)[0], rel=1e-9, abs=1e-12)


@given(st.floats(-0.4, 0.4), hazards, lengths)
def test_a_span_is_the_sum_of_its_parts(forward: float, hazard: float, days: int) -> None:
    level, moment = integrals(forward, hazard, 2 * days)
    half_level, half_moment = integrals(forward, hazard, days)
    left = math.exp(-(forward + hazard) * days / 365.0)
    assert level == pytest.approx(half_level * (1 + left), rel=1e-11, abs=1e-15)
    assert moment == pytest.approx(half_moment * (1 + left) + half_level * left * days, rel=1e-10, abs=1e-12)


def test_the_series_meets_the_formula_where_it_takes_over() -> None:
    """Both at a decay of 0.01, from either side; a step would show at the twelfth digit."""
    days = 365
    below, above = integrals(0.005, 0.005 - 1e-9, days), integrals(0.005, 0.005 + 1e-9, days)
    for low, high in zip(below, above, strict=True):
        assert high / low == pytest.approx((0.005 + 1e-9) / (0.005 - 1e-9), rel=1e-8)
    assert above[1] / above[0] == pytest.approx(below[1] / below[0], rel=1e-9)


def test_without_hazard_nothing_is_ever_due_and_without_decay_all_is_due_evenly() -> None:
    assert integrals(0.03, 0.0, 90) == (0.0, 0.0)
    level, moment = integrals(-0.02, 0.02, 730)
    assert level == pytest.approx(0.9 * 0.8 * 0.04)
    assert moment == pytest.approx(level * 365.0)
