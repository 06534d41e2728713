from __future__ import annotations

from fractions import Fraction
from math import ceil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.price.risk.tails import expected_shortfall, value_at_risk

LEVELS = [0.5, 0.75, 0.9, 0.95, 0.975, 0.99, 0.995]
profits = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=120).map(np.array)
levels = st.sampled_from(LEVELS)


def test_of_a_hundred_days_that_lose_one_to_a_hundred_the_tail_is_the_last_ones() -> None:
    """95 % of the days lose 95 or less; the other five lose 96 to 100, on average 98."""
    losses = -np.arange(1.0, 101.0)
    assert value_at_risk(losses, 0.95) == 95.0
    assert expected_shortfall(losses, 0.95) == 98.0
    assert value_at_risk(losses, 0.99) == 99.0
    assert expected_shortfall(losses, 0.99) == 100.0


def test_a_day_that_is_partly_in_the_tail_counts_in_part() -> None:
    """2.5 of 100 days: (100 + 99 + 0.5 · 98) / 2.5."""
    losses = -np.arange(1.0, 101.0)
    assert value_at_risk(losses, 0.975) == 98.0
    assert expected_shortfall(losses, 0.975) == pytest.approx(248.0 / 2.5)


def test_fewer_days_than_the_tail_has_leave_the_worst_day() -> None:
    losses = np.array([5.0, -7.0, 1.0])
    assert value_at_risk(losses, 0.99) == 7.0
    assert expected_shortfall(losses, 0.99) == pytest.approx(7.0)


def test_a_level_next_to_nothing_is_the_best_day() -> None:
    losses = -np.arange(1.0, 101.0)
    assert value_at_risk(losses, 1e-12) == 1.0
    assert expected_shortfall(losses, 1e-12) == pytest.approx(50.5)


def test_whole_numbers_of_days_are_whole_though_their_arithmetic_is_not() -> None:
    """500 · (1 - 0.99) is 5.000000000000004, and 0.07 · 100 is 7.000000000000001."""
    losses = -np.arange(1.0, 501.0)
    assert value_at_risk(losses, 0.99) == 495.0
    assert expected_shortfall(losses, 0.99) == pytest.approx(498.0, rel=1e-14)
    assert value_at_risk(-np.arange(1.0, 101.0), 0.07) == 7.0


@given(profits, levels)
def test_the_value_at_risk_is_the_quantile_that_its_definition_says(values: np.ndarray, level: float) -> None:
    rank = ceil(Fraction(str(level)) * values.size)
    assert value_at_risk(values, level) == sorted((-values).tolist())[rank - 1]


@given(profits, levels)
def test_the_shortfall_is_at_least_the_value_at_risk_and_at_most_the_worst_loss(values: np.ndarray, level: float) -> None:
    shortfall, slack = expected_shortfall(values, level), 1e-9 * np.abs(values).max() + 1e-12
    assert value_at_risk(values, level) - slack <= shortfall <= -values.min() + slack


@given(st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)), min_size=1, max_size=60).map(np.array), levels)
def test_the_shortfall_of_two_books_together_is_at_most_the_sum_of_theirs(pairs: np.ndarray, level: float) -> None:
    one, other = pairs[:, 0], pairs[:, 1]
    apart = expected_shortfall(one, level) + expected_shortfall(other, level)
    assert expected_shortfall(one + other, level) <= apart + 1e-9 * (1.0 + np.abs(pairs).max())


@given(profits, levels, st.floats(-1e3, 1e3), st.floats(0.01, 100.0))
def test_both_follow_when_profits_are_scaled_and_shifted(values: np.ndarray, level: float, more: float, scale: float) -> None:
    for measure in (value_at_risk, expected_shortfall):
        moved = measure(scale * values + more, level)
        assert moved == pytest.approx(scale * measure(values, level) - more, rel=1e-9, abs=1e-3)


def test_books_side_by_side_are_measured_each_for_itself_and_one_without_a_day_has_none() -> None:
    books = np.array([[1.0, -2.0, 3.0, -4.0], [1.0, np.nan, 3.0, -4.0], [0.0, 0.0, 0.0, -1.0]])
    np.testing.assert_array_equal(value_at_risk(books, 0.75), [2.0, np.nan, 0.0])
    np.testing.assert_array_equal(expected_shortfall(books, 0.75), [4.0, np.nan, 1.0])
