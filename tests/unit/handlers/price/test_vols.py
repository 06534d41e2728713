"""Volatilities of a pair by expiry and delta."""

from __future__ import annotations

import math
from datetime import date, timedelta

import numpy as np
import pytest

from events.market import FlatVol, VolSurface
from handlers.price.vols import Vols

TODAY = date(2026, 1, 15)
SURFACE = VolSurface.model_validate(
    {
        "expiries": ["2026-01-15", "2027-01-15", "2029-01-14"],
        "deltas": [0.25, 0.75],
        "vols": [[0.9, 0.9], [0.08, 0.09], [0.1, 0.12]],
    }
)


def at(years: float, factor: float = 1.0, shift: float = 0.0, of: VolSurface | FlatVol = SURFACE) -> list[float]:
    vols = Vols.of(of, TODAY, np.array([1.0, factor]), np.array([0.0, shift]))
    found = vols.at(np.array([years]))[0, :, 1]
    return [float(vol) for vol in found]


def test_variance_is_linear_in_time_between_expiries_and_volatility_flat_outside() -> None:
    """Half way from one year to three at 0.25: the mean of 0.08² · 1 and 0.1² · 3, over 2; what expires today drops out."""
    assert at(2.0) == pytest.approx([math.sqrt((0.08**2 + 0.1**2 * 3) / 2 / 2), math.sqrt((0.09**2 + 0.12**2 * 3) / 2 / 2)])
    assert at(1.0) == at(0.01) == pytest.approx([0.08, 0.09])
    assert at(3.0) == at(40.0) == pytest.approx([0.1, 0.12])


def test_a_scenario_moves_what_is_quoted() -> None:
    assert at(1.0, factor=1.5) == pytest.approx([0.12, 0.135])
    assert at(2.0, shift=0.01)[0] == pytest.approx(math.sqrt((0.09**2 + 0.11**2 * 3) / 4))
    assert at(0.5, 2.0, -0.01, FlatVol(flat=0.1)) == pytest.approx([0.19])


def test_a_scenario_that_leaves_no_positive_volatility_gives_none() -> None:
    assert np.isnan(at(1.0, shift=-0.085)).tolist() == [True, False]
    assert np.isnan(at(1.0, shift=-0.08)).tolist() == [True, False]


@pytest.mark.parametrize("day", [date(2026, 1, 14), TODAY, date(2027, 1, 14), date(2029, 1, 13), date(2030, 1, 1)])
def test_a_day_later_expiries_are_a_day_closer_and_those_that_are_over_drop_out(day: date) -> None:
    still = np.ones(1), np.zeros(1)
    later, expected = Vols.of(SURFACE, day, *still).a_day_later(), Vols.of(SURFACE, day + timedelta(days=1), *still)
    assert later.times.tolist() == expected.times.tolist()
    assert later.vols.tolist() == expected.vols.tolist()
