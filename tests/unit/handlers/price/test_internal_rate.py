"""The solver alone: it finds what there is to find, and says where there is nothing."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.price import segments
from handlers.price.internal_rate import Weighted, internal_rates, moments

sizes = st.lists(st.integers(1, 6), min_size=1, max_size=6)


def flows(counts: list[int], seed: int) -> Weighted:
    random = np.random.default_rng(seed)
    bounds = np.concatenate(([0], np.cumsum(counts)))
    time = np.concatenate([np.cumsum(random.uniform(0.003, 3.0, count)) for count in counts])
    factors = np.exp(random.uniform(-0.3, 0.1, (4, 3)))
    return Weighted(bounds, random.uniform(0.1, 100.0, int(bounds[-1])), time, factors, random.integers(0, 4, int(bounds[-1])))


@given(sizes, st.integers(0, 10_000), st.floats(-0.9, 3.0))
def test_the_rate_behind_a_price_is_found(counts: list[int], seed: int, rate: float) -> None:
    some = flows(counts, seed)
    rates = rate + np.random.default_rng(seed).uniform(-0.05, 0.05, (len(counts), 3))
    np.testing.assert_allclose(internal_rates(some, moments(some, rates, 1)[0]), rates, rtol=0, atol=1e-10)


@given(st.floats(0.0, 40.0), st.floats(-0.2, 0.5))
def test_payments_before_the_last_receipt_do_not_lead_it_astray(paid: float, rate: float) -> None:
    """As a bond with a negative coupon: the sum falls from +inf to below 0, so there is one rate."""
    some = Weighted(np.array([0, 4]), np.array([-paid, -paid, -paid, 100.0]), np.array([0.5, 1.0, 1.5, 2.0]))
    price = moments(some, np.array([[rate]]), 1)[0]
    if price > 1e-6:
        np.testing.assert_allclose(internal_rates(some, price), [[rate]], atol=1e-9)


def test_of_two_rates_the_one_near_0_is_taken() -> None:
    """A loan that has repaid too much by its last payment: the sum rises from 0.40 until 2 %, then falls again."""
    some = Weighted(np.array([0, 6]), np.array([0.17] * 5 + [-0.45]), np.arange(1.0, 7.0))
    price = moments(some, np.array([[0.01]]), 1)[0]
    assert price > 0.40
    np.testing.assert_allclose(internal_rates(some, price), [[0.01]], atol=1e-10)


def test_a_search_that_goes_astray_does_not_lead_its_neighbours() -> None:
    """Signs are mixed, so that steps leave their brackets; rates are the same to the bit whoever stands beside them."""
    random = np.random.default_rng(1)
    counts = random.integers(2, 8, 300)
    bounds = np.concatenate(([0], np.cumsum(counts)))
    time = np.concatenate([np.sort(random.uniform(0.05, 10.0, count)) for count in counts])
    weights, price = random.normal(0.3, 1.0, bounds[-1]), random.normal(size=(300, 1))
    together = internal_rates(Weighted(bounds, weights, time), price)
    for position, (first, end) in enumerate(itertools.pairwise(bounds)):
        own = Weighted(np.array([0, end - first]), weights[first:end], time[first:end])
        np.testing.assert_array_equal(internal_rates(own, price[position : position + 1]), together[[position]])


@pytest.mark.parametrize("price", [0.0, np.nan, np.inf, -1.0])
def test_there_is_no_rate_for_no_price(price: float) -> None:
    """A price of the other sign than the flows is none either; its neighbours have theirs."""
    some = Weighted(np.array([0, 1, 2]), np.array([1.0, 1.0]), np.array([1.0, 1.0]))
    found = internal_rates(some, np.array([[price, 0.5], [0.5, 0.25]]))
    assert np.isnan(found[0, 0])
    np.testing.assert_allclose(found[[0, 1, 1], [1, 0, 1]], [np.log(2), np.log(2), np.log(4)])


def test_a_payment_of_today_has_no_rate() -> None:
    some = Weighted(np.array([0, 1]), np.array([1.0]), np.array([0.0]))
    assert np.isnan(internal_rates(some, np.array([[0.99]]))).all()


@given(sizes, st.integers(0, 1000))
def test_pieces_and_neighbours_change_no_rate_beyond_rounding(counts: list[int], seed: int) -> None:
    some = flows(counts, seed)
    price = moments(some, np.full((len(counts), 3), 0.07), 1)[0] * 1.3
    whole = internal_rates(some, price)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(segments, "PIECE_CELLS", 5)
        np.testing.assert_allclose(internal_rates(some, price), whole, rtol=1e-12, atol=1e-12)


@given(sizes, st.integers(0, 1000))
def test_running_sums_are_those_of_each_segment_alone(counts: list[int], seed: int) -> None:
    values = np.random.default_rng(seed).uniform(-1.0, 1.0, sum(counts))
    bounds = np.concatenate(([0], np.cumsum(counts)))
    expected = [np.cumsum(values[first:last]) for first, last in itertools.pairwise(bounds)]
    np.testing.assert_array_equal(segments.running_sums(values, bounds), np.concatenate(expected))
