"""Between which pillars a day lies on a curve, and what the zero rates of each weigh there.

The exponent of a discount factor is -(left_time · left rate + right_time · right rate), and both weights add up to the time: a
basis point on every pillar is a basis point on every day, however the curve is interpolated. Monotone cubic curves, whose
rates weigh differently in each scenario, are in `cubic.py`; here their weights are 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from handlers.price.arrays import Floats, Ints

DAYS_A_YEAR = 365.0

LINEAR_ZERO, LOG_LINEAR_DF, FLAT_FORWARD, MONOTONE_CUBIC_ZERO = 0, 1, 2, 3
INTERPOLATIONS = {
    "linear_zero": LINEAR_ZERO,
    "log_linear_df": LOG_LINEAR_DF,
    "flat_forward": FLAT_FORWARD,
    "monotone_cubic_zero": MONOTONE_CUBIC_ZERO,
}


@dataclass(frozen=True, slots=True)
class Brackets:
    """N days: the pillars `left` and `right` of each, and the years that the zero rate of each counts for."""

    time: Floats
    left: Ints
    right: Ints
    left_time: Floats
    right_time: Floats


def bracket(days: Ints, method: Ints, ahead: Ints | Floats, first: Ints, last: Ints, left: Ints) -> Brackets:
    """Brackets of days `ahead` of the valuation, each on a curve with this method and these first and last pillars.

    `days` are all pillars, counted from the valuation; `left` is the last pillar not after the day.
    """
    left = np.minimum(np.maximum(left, first), last)
    right = np.minimum(left + 1, last)
    gap = np.maximum(days[right] - days[left], 1)
    share = np.maximum((ahead - days[left]) / gap, 0.0)
    share[left == right] = 0.0
    time = ahead / DAYS_A_YEAR
    right_time = share * time
    found = Brackets(time, left, right, time - right_time, right_time)
    return _by_method(days, method, ahead, first, found) if method.any() else found


def _by_method(days: Ints, method: Ints, ahead: Ints | Floats, first: Ints, found: Brackets) -> Brackets:
    found = _log_linear(days, method, ahead, first, found)
    cubic = method == MONOTONE_CUBIC_ZERO
    found.left_time[cubic] = 0.0
    found.right_time[cubic] = 0.0
    return found


def _log_linear(days: Ints, method: Ints, ahead: Ints | Floats, first: Ints, found: Brackets) -> Brackets:
    """The same where logarithms of discount factors are linear: from 0 at the valuation on, so that earlier pillars drop out.

    Before the first pillar that leaves the zero rate flat; after the last, FLAT_FORWARD goes on as between the last two.
    """
    last = found.left == found.right
    beyond = last & (method == FLAT_FORWARD) & (found.left > first) & (days[found.left] > 0) & (ahead >= days[found.left])
    left = found.left - beyond
    start, end = np.maximum(days[left], 0), np.maximum(days[found.right], 0)
    inside = ((method == LOG_LINEAR_DF) | (method == FLAT_FORWARD)) & (left < found.right) & (ahead >= days[left])
    share = (ahead - start) / np.where(inside, end - start, 1)
    left_time = np.where(inside, (1.0 - share) * start / DAYS_A_YEAR, found.left_time)
    right_time = np.where(inside, share * end / DAYS_A_YEAR, found.right_time)
    return Brackets(found.time, left, found.right, left_time, right_time)
