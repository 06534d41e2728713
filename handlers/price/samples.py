"""Discount factors on all days of a curve from those on a few: many flows in many scenarios are summed once for each sample.

A scenario multiplies the factors that the curve gives at the mean of its rates by exp(-e), with e a polynomial in time, of
degree two at most, wherever no pillar bends it. Such a function is so smooth that the polynomial through its values at the
Chebyshev points of a stretch of days misses it by less than doubles resolve, and by how much is known before: L. N. Trefethen,
Approximation Theory and Approximation Practice (SIAM 2013), theorem 4.2. Hence a flow counts once for each of the samples of
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

# Terms that are added up: where a later one would count, earlier ones are too large by far.
_MOST_DEGREES = 40

# With fewer flows × scenarios there is nothing to gain.
FEWEST_TERMS = 100_000
_FEWEST_DAYS = 2

# Nor are tables of more days worth their memory.
_MOST_DAYS = 100_000

# Factors beyond exp(±these), at the mean of the rates and of a move, have no samples: a product might leave what doubles hold.
_FARTHEST_MEAN, _FARTHEST = 650.0, 300.0

# In units of one multiplication of a sparse product, as measured: one of a dense product; what there is to be done for a flow,
# more where it has to be seen which stretch it is on; for a day, and once, to make samples; for a node's factor without them.
_DENSE, _FLOW, _CUT, _DAY, _ONCE, _NODE = 0.4, 10, 15, 500, 2_500_000, 15


class Moved(NamedTuple):
    """One curve at the `mean` of its rates, and the U distinct moves that it is moved `by`; `move` (S) as in `Samples`."""

    mean: Curves
    by: Curves
    move: Ints | None


class Stretches(NamedTuple):
    """Days on which nothing bends any e: their `ends` (K + 1), and its largest coefficients of x and x², x from -1 to 1."""

    ends: Floats
    linear: Floats
    square: Floats


@dataclass(frozen=True, slots=True)
class Samples:
    """K stretches of a curve with M samples each, for the days 0 to H - 1 after the valuation, under S scenarios.

    `stretch` (H) tells which one a day is on, `weights` (H × M) what each of its samples counts for on that day, times the
    factor at the mean of the rates; `factors` (KM × U) are the samples: what each of U moves multiplies that one by. `move`
    (S) is that of each scenario; None if every scenario has its own.
    """

    stretch: Days
    weights: Floats
    factors: Floats
    move: Ints | None

    def summed(self, amounts: Floats, ahead: Days, bounds: Ints) -> Floats:
        """The sum of amount × discount factor (P × S) of the flows `bounds[i]` to `bounds[i + 1]`, paid on days `ahead`.

        A position's flows are in time order.
        """
        count = self.factors.shape[0] // self.weights.shape[1]
        rows = bounds if count == 1 else self._cut(ahead, bounds, count)
        sums = segment_product(amounts, ahead, rows, self.weights).reshape(bounds.size - 1, -1)
        found: Floats = sums @ self.factors
        return found if self.move is None else found.take(self.move, axis=1)

    def _cut(self, ahead: Days, bounds: Ints, count: int) -> Ints:
        """The bounds of each position's flows on each stretch."""
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
    made = horizon * _DAY + _ONCE
    least = flows * (_FLOW + _SAMPLES[0]) + made + 2 * int(np.diff(curves.bounds)[curve]) * scenarios * _NODE
    if least >= most or not _FEWEST_DAYS <= horizon <= _MOST_DAYS or curves.methods[curve] == MONOTONE_CUBIC_ZERO:
        return None
    moved = _moved(curves, curve, spread)
    stretches = _stretches(moved, horizon - 1)
    if stretches is None:
        return None
    costs = []
    for count, cuts in _ways(stretches):
        parts = int(cuts.sum())
        sparse = flows * (_FLOW + count + (_CUT if parts > 1 else 0))
        dense = positions * parts * count * moved.by.rates.shape[1] * _DENSE
        costs.append((sparse + dense + made, count, cuts))
    if not costs:
        return None
    cost, count, cuts = min(costs, key=itemgetter(0))
    return _sampled(moved, horizon, _cut_ends(stretches.ends, cuts), count) if cost < most else None


def _moved(curves: Curves, curve: int, spread: Floats | None) -> Moved:
    own = slice(*curves.bounds[curve : curve + 2].tolist())
    # On every pillar it is on every day, however the curve is interpolated.
    rates = curves.rates[own] if spread is None else curves.rates[own] + spread
    mean = rates.mean(axis=1, keepdims=True)
    by = rates - mean
    moves, move = np.unique(by, axis=1, return_inverse=True)
    alone = replace(
        curves,
        codes=curves.codes[curve : curve + 1],
        names=curves.names[curve : curve + 1],
        methods=curves.methods[curve : curve + 1],
        bounds=np.array([0, rates.shape[0]]),
        pillars=curves.pillars[own],
        rates=mean,
    )
    if moves.shape[1] == rates.shape[1]:
        return Moved(alone, replace(alone, rates=by), None)
    return Moved(alone, replace(alone, rates=moves), move)


def _stretches(moved: Moved, last: int) -> Stretches | None:
    """One stretch from the valuation to the `last` day if no pillar bends any e, else those between the pillars.

    None if doubles hardly hold the factors at the mean of the rates.
    """
    pillars = moved.mean.pillars - moved.mean.valuation
    ends = np.unique(np.concatenate(([0.0, last], pillars[(pillars > 0) & (pillars < last)])))
    days = np.concatenate((ends, (ends[:-1] + ends[1:]) / 2.0))
    whole = np.array([0.0, last, last / 2.0])
    with np.errstate(all="ignore"):
        size = np.abs(np.log(_factors(moved.mean, whole))).max()
        if not size <= _FARTHEST_MEAN:
            return None
        moves = np.log(_factors(moved.by, np.concatenate((days, whole))))
        moves[~(np.abs(moves) <= _FARTHEST)] = np.nan
        own, at_once = _coefficients(moves[: days.size]), _coefficients(moves[days.size :])
        x = (2.0 * days / last - 1.0)[:, None]
        bent = np.abs(moves[-1] + at_once[0] * x + at_once[1] * x * x - moves[: days.size]).max()
    # The difference of two rates is as exact as the rates are.
    unbent = bent <= TOLERANCE * max(1.0, size)
    return Stretches(whole[:2], *_largest(*at_once)) if unbent else Stretches(ends, *_largest(*own))


def _coefficients(moved: Floats) -> tuple[Floats, Floats]:
    """Of x and x², by the values at the K + 1 ends and then at the K middles (K × S each)."""
    count = moved.shape[0] // 2
    begin, end, middle = moved[:count], moved[1 : count + 1], moved[count + 1 :]
    return (end - begin) / 2.0, (begin + end) / 2.0 - middle


def _largest(linear: Floats, square: Floats) -> tuple[Floats, Floats]:
    return np.abs(linear).max(axis=1), np.abs(square).max(axis=1)


def _ways(stretches: Stretches) -> Iterator[tuple[int, Ints]]:
    """How many samples a stretch can have, and into how many parts each must be cut for that to be enough."""
    # Off the middle of the whole, x² is a little of x in each part.
    linear = stretches.linear[:, None] + 2.0 * stretches.square[:, None] * (1.0 - 1.0 / _CUTS)
    misses = missed(linear / _CUTS, stretches.square[:, None] / _CUTS**2, _SAMPLES)
    for count, miss in zip(_SAMPLES, misses, strict=True):
        enough = miss <= TOLERANCE
        if enough[:, -1].all():
            yield count, _CUTS[enough.argmax(axis=1)]


def missed(linear: Floats, square: Floats, counts: Sequence[int]) -> list[Floats]:
    """For each number of samples at most what they miss of exp(-e), relatively; e has no larger coefficients of x and x².

    With a and b these, exp(-e) is a product of two Chebyshev series, of which the coefficients are Bessel functions: 2 I_k(a),
    and 2 I_k(b / 2) of degree 2k. I_k(z) is at most (z / 2)^k / k! · exp(z² / 4), so that all of degree n together are at most
    4 · exp(...) times the coefficient of z^n in exp(a z / 2 + b z² / 4). One of degree `count` or more is missed twice at most.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        terms = [np.ones_like(linear), linear / 2.0]
        for degree in range(2, _MOST_DEGREES):
            terms.append((linear / 2.0 * terms[-1] + square / 2.0 * terms[-2]) / degree)
        scale = 8.0 * np.exp(linear**2 / 4.0 + square**2 / 16.0 + linear + square)
        return [scale * np.sum(terms[count:], axis=0) for count in counts]


def _cut_ends(ends: Floats, cuts: Ints) -> Floats:
    part = np.arange(cuts.sum()) - np.repeat(offsets(cuts)[:-1], cuts)
    begins = np.repeat(ends[:-1], cuts) + np.repeat(np.diff(ends) / cuts, cuts) * part
    return np.append(begins, ends[-1])


def _sampled(moved: Moved, horizon: int, ends: Floats, count: int) -> Samples:
    begin, length, points = ends[:-1], np.diff(ends), _points(count)
    factors = _factors(moved.by, (begin[:, None] + length[:, None] * points).ravel())
    ahead = np.arange(horizon)
    stretch = np.minimum(np.searchsorted(ends, ahead, side="right") - 1, begin.size - 1)
    weights = _lagrange((ahead - begin[stretch]) / length[stretch], points) * _factors(moved.mean, ahead)[:, 0]
    return Samples(stretch.astype(np.int32), np.ascontiguousarray(weights.T), factors, moved.move)


def _factors(curves: Curves, ahead: Ints | Floats) -> Floats:
    return curves.at(np.zeros(ahead.size, dtype=np.int64), ahead).discount


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
