"""Distinct values by a table, by sorting, within known bounds, and in an order of their own."""

from __future__ import annotations

import numpy as np
import pytest

from handlers.price.arrays import distinct


@pytest.mark.parametrize("wide", [50, 10_000_000], ids=["by a table", "sorted"])
def test_values_come_once_and_each_knows_its_place(wide: int) -> None:
    values = np.random.default_rng(3).integers(0, wide, 400)
    for found, place in (distinct(values), distinct(values, wide)):
        np.testing.assert_array_equal(found, np.unique(values))
        np.testing.assert_array_equal(found[place], values)


def test_values_below_zero_are_found_where_no_bounds_are_known() -> None:
    values = np.array([-3, 5, -3, 0, 5])
    found, place = distinct(values)
    np.testing.assert_array_equal(found, [-3, 0, 5])
    np.testing.assert_array_equal(found[place], values)


def test_ranked_values_come_by_rank_and_then_by_value() -> None:
    values = np.random.default_rng(3).integers(-40, 40, 400)
    found, place = distinct(values, rank=lambda each: each % 7)
    np.testing.assert_array_equal(found, sorted(set(values.tolist()), key=lambda each: (each % 7, each)))
    np.testing.assert_array_equal(found[place], values)
