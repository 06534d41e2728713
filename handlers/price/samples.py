"""Discount factors on all days of a curve from those on a few: many flows in many scenarios are summed once for each sample.

A scenario multiplies the factors that the curve gives at the mean of its rates by exp(-e), with e a polynomial in time, of
degree two at most, wherever no pillar bends it. Such a function is so smooth that the polynomial through its values at the
Chebyshev points of a stretch of days misses it by less than doubles resolve, and by how much is known before: L. N. Trefethen,
Approximation Theory and Approximation Practice (SIAM 2013), theorem 8.2. Hence a flow counts once for each of the samples of
its stretch, and only the sums of a position, no longer its flows, are multiplied with each scenario.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from operator import itemgetter
from typing import NamedTuple

import numpy as np

from handlers.price.arrays import Days, Floats, Ints, offsets
from handlers.price.curves import Curves
from handlers.price.interpolation import MONOTONE_CUBIC_ZERO
from handlers.price.keyrates import segment_product

# What samples may miss a discount factor by, as a part of it: rounding in the sums of a position's flows comes to as much.
TOLERANCE = 1e-15

# Samples of a stretch that are tried, and into how many a stretch is cut for them at most.
_SAMPLES = (5, 6, 7, 8, 9, 10, 12)
_CUTS = 2 ** np.arange(6)

# Foci of Bernstein's ellipses at ±1, the sums of their half axes: the best bound is seldom at the ends.
_ELLIPSES = 2.0 ** np.arange(0.5, 14.5, 0.5)

# With fewer flows × scenarios there is nothing to gain.
FEWEST_TERMS = 100_000

# In units of one multiplication of a sparse product, as measured: one of a dense product; what there is to be done for a flow,
# more where it has to be seen which stretch it is on; for a day, and once, to make samples; for a node's factor without them.
_DENSE, _FLOW, _CUT, _DAY, _ONCE, _NODE = 0.4, 10, 15, 500, 2_500_000, 15


class Stretches(NamedTuple):
    """Days on which nothing bends any e: their `ends` (K + 1), and its largest coefficients of x and x², x from -1 to 1."""

    ends: Floats
    linear: Floats
    square: Floats


@dataclass(frozen=True, slots=True)
class Samples:
    """K stretches of a curve with M samples each, for the days 0 to H - 1 after the valuation, under S scenarios.

    `stretch` (H) tells which one a day is on, `weights` (H × M) what each of its samples counts for on that day, times the
    factor at the mean of the rates; `factors` (KM × S) are the samples: what each scenario multiplies that one by.
    """

    stretch: Ints
    weights: Floats
    factors: Floats

    def summed(self, amounts: Floats, ahead: Days, bounds: Ints) -> Floats:
        """The sum of amount × discount factor (P × S) of the flows `bounds[i]` to `bounds[i + 1]`, paid on days `ahead`."""
        count = self.factors.shape[0] // self.weights.shape[1]
        rows = bounds if count == 1 else self._cut(ahead, bounds, count)
        found: Floats = segment_product(amounts, ahead, rows, self.weights).reshape(bounds.size - 1, -1) @ self.factors
        return found

    def _cut(self, ahead: Days, bounds: Ints, count: int) -> Ints:
        """The bounds of each position's flows on each stretch; flows of a position are in time order."""
        on = self.stretch.take(ahead)
        begins = np.empty(on.size, dtype=bool)
        np.not_equal(on[1:], on[:-1], out=begins[1:])
        begins[bounds[:-1][bounds[:-1] < bounds[1:]]] = True
        starts = np.flatnonzero(begins)
        position = np.repeat(np.arange(bounds.size - 1), np.diff(np.searchsorted(starts, bounds)))
        row = position * count + on[starts]
        rows = np.diff(row, prepend=-1, append=(bounds.size - 1) * count)
        return np.repeat(np.append(starts, on.size), rows)


def samples(curves: Curves, curve: int, horizon: int, spread: Floats | None, flows: int, positions: int) -> Samples | None:
    """Samples of that curve for so many flows and positions, all paid before `horizon` days; None where they do not pay.

    `spread` (S) is added to the zero rates.
    """
    scenarios = curves.rates.shape[1]
    most = flows * (_FLOW + scenarios) + min(flows, horizon) * scenarios * _NODE
    least = flows * (_FLOW + _SAMPLES[0]) + horizon * _DAY + _ONCE
    if least >= most or curves.methods[curve] == MONOTONE_CUBIC_ZERO:
        return None
    stretches = _stretches(curves, curve, horizon - 1, spread)
    costs = []
    for count, cuts in _ways(stretches):
        parts = int(cuts.sum())
        sparse = flows * (_FLOW + count + (_CUT if parts > 1 else 0))
        dense = positions * parts * count * scenarios * _DENSE
        costs.append((sparse + dense + horizon * _DAY + _ONCE, count, cuts))
    if not costs:
        return None
    cost, count, cuts = min(costs, key=itemgetter(0))
    return _sampled(curves, curve, horizon, spread, _cut_ends(stretches.ends, cuts), count) if cost < most else None


def _stretches(curves: Curves, curve: int, last: int, spread: Floats | None) -> Stretches:
    """One stretch from the valuation to the `last` day if no pillar bends any scenario's e, else those between the pillars."""
    pillars = curves.pillars[slice(*curves.bounds[curve : curve + 2])] - curves.valuation
    ends = np.unique(np.concatenate(([0.0, last], pillars[(pillars > 0) & (pillars < last)])))
    days = np.concatenate((ends, (ends[:-1] + ends[1:]) / 2.0))
    whole = np.array([0.0, last, last / 2.0])
    with np.errstate(all="ignore"):  # what no double can hold is no number here, and has no samples
        moved = np.log(_factors(curves, curve, np.concatenate((days, whole)), spread))
        moved -= moved.mean(axis=1, keepdims=True)
        own, at_once = _coefficients(moved[: days.size]), _coefficients(moved[days.size :])
        x = (2.0 * days / last - 1.0)[:, None]
        bent = np.abs(moved[-1] + at_once[0] * x + at_once[1] * x * x - moved[: days.size])
    return Stretches(whole[:2], *_largest(*at_once)) if (bent <= TOLERANCE).all() else Stretches(ends, *_largest(*own))


def _coefficients(moved: Floats) -> tuple[Floats, Floats]:
    """Of x and x², by the values at the K + 1 ends and then at the K middles (K × S each)."""
    count = moved.shape[0] // 2
    begin, end, middle = moved[:count], moved[1 : count + 1], moved[count + 1 :]
    return (end - begin) / 2.0, (begin + end) / 2.0 - middle


def _largest(linear: Floats, square: Floats) -> tuple[Floats, Floats]:
    return np.abs(linear).max(axis=1), np.abs(square).max(axis=1)


def _ways(stretches: Stretches) -> Iterator[tuple[int, Ints]]:
    """How many samples a stretch can have, and into how many parts each must be cut for that to be enough."""
    linear = (stretches.linear + 2.0 * stretches.square)[:, None] / _CUTS
    square = stretches.square[:, None] / _CUTS**2
    for count, miss in zip(_SAMPLES, missed(linear, square, _SAMPLES), strict=True):
        enough = miss <= TOLERANCE
        if enough[:, -1].all():
            yield count, _CUTS[enough.argmax(axis=1)]


def missed(linear: Floats, square: Floats, counts: Sequence[int]) -> Iterator[Floats]:
    """For each number of samples at most what they miss of exp(-e), relatively; e has no larger coefficients of x and x²."""
    reach = (_ELLIPSES + 1.0 / _ELLIPSES) / 2.0
    with np.errstate(over="ignore", invalid="ignore"):
        swing = np.expm1(linear[..., None] * reach + square[..., None] * reach**2)
        swing *= 4.0 / (_ELLIPSES - 1.0) * np.exp(linear + square)[..., None]
        for count in counts:
            yield (swing * _ELLIPSES ** (1.0 - count)).min(axis=-1)


def _cut_ends(ends: Floats, cuts: Ints) -> Floats:
    part = np.arange(cuts.sum()) - np.repeat(offsets(cuts)[:-1], cuts)
    begins = np.repeat(ends[:-1], cuts) + np.repeat(np.diff(ends) / cuts, cuts) * part
    return np.append(begins, ends[-1])


def _sampled(curves: Curves, curve: int, horizon: int, spread: Floats | None, ends: Floats, count: int) -> Samples:
    mean = replace(curves, rates=curves.rates.mean(axis=1, keepdims=True))
    shift = None if spread is None else spread.mean(keepdims=True)
    begin, length, points = ends[:-1], np.diff(ends), _points(count)
    days = (begin[:, None] + length[:, None] * points).ravel()
    factors = _factors(curves, curve, days, spread) / _factors(mean, curve, days, shift)
    ahead = np.arange(horizon)
    stretch = np.minimum(np.searchsorted(ends, ahead, side="right") - 1, begin.size - 1)
    weights = _lagrange((ahead - begin[stretch]) / length[stretch], points) * _factors(mean, curve, ahead, shift)[:, 0]
    return Samples(stretch.astype(np.int16), np.ascontiguousarray(weights.T), factors)


def _factors(curves: Curves, curve: int, ahead: Ints | Floats, spread: Floats | None) -> Floats:
    return curves.at(np.full(ahead.size, curve), ahead, spread).discount


@cache
def _points(count: int) -> Floats:
    """Chebyshev's points of the second kind, from 0 to 1."""
    return (1.0 - np.cos(np.pi * np.arange(count) / (count - 1))) / 2.0


def _lagrange(x: Floats, points: Floats) -> Floats:
    """What the value at each point counts for at each x in the polynomial through all of them (points × x)."""
    apart = x - points[:, None]
    gaps = points[:, None] - points
    np.fill_diagonal(gaps, 1.0)
    found = np.repeat(1.0 / gaps.prod(axis=1)[:, None], x.size, axis=1)
    before, after = apart[0].copy(), apart[-1].copy()
    for point in range(1, points.size):
        found[point] *= before
        before *= apart[point]
        found[-point - 1] *= after
        after *= apart[-point - 1]
    return found
