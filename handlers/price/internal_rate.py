"""The continuous rate at which cash flows are worth a given price: Newton's method, kept within a bracket.

The equation is solved in logarithms. For flows of one sign, ln Σ w·exp(-x·t) falls in x and is convex, its slope lying between
-the longest and -the shortest time, so Newton's step never leaves the bracket after the first and few steps are enough. Where
signs are mixed, the bracket holds the step; of several solutions the one is taken that is reached from 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from handlers.price.arrays import Bools, Floats, Ints
from handlers.price.segments import flows_of, positions

_STEPS = 100
_CLOSE = 1e-11
_FIRST_STRIDE = 1.0


@dataclass(frozen=True, slots=True)
class Weighted:
    """Flows of P positions, at least one each, those of position i from `bounds[i]` to `bounds[i + 1]`; times in years (F).

    A flow weighs its `weights` (F), times under each scenario the row of `factors` (N × S) at its `place` (F) if there are any.
    """

    bounds: Ints
    weights: Floats
    time: Floats
    factors: Floats | None = None
    place: Ints | None = None

    def take(self, chosen: Ints) -> Weighted:
        """The flows of the chosen positions."""
        flow, bounds = flows_of(self.bounds, chosen)
        place = None if self.place is None else self.place[flow]
        return Weighted(bounds, self.weights[flow], self.time[flow], self.factors, place)

    def moments(self, rate: Floats, powers: int) -> list[Floats]:
        """Σ w·t^k·exp(-rate·t) of each position for k = 0, 1, … `powers` - 1; `rate` and each of them P × S."""
        time = self.time[:, None]
        term = np.exp(np.repeat(-rate, np.diff(self.bounds), axis=0) * time)
        term *= self.weights[:, None]
        if self.factors is not None:
            term *= self.factors[self.place]
        sums = [np.add.reduceat(term, self.bounds[:-1], axis=0)]
        for _ in range(1, powers):
            term *= time
            sums.append(np.add.reduceat(term, self.bounds[:-1], axis=0))
        return sums


def moments(flows: Weighted, rate: Floats, powers: int) -> list[Floats]:
    """`Weighted.moments` in pieces that keep working memory within bounds."""
    found = [np.empty(rate.shape) for _ in range(powers)]
    for chosen in positions(flows.bounds, rate.shape[1]):
        for whole, part in zip(found, flows.take(chosen).moments(rate[chosen], powers), strict=True):
            whole[chosen] = part
    return found


def internal_rates(flows: Weighted, price: Floats) -> Floats:
    """The x (P × S, in 1 / years) with Σ w·exp(-x·t) = price (P × S); NaN where there is none.

    Prices and flows may both be negative, as those of positions that are sold.
    """
    rates = np.empty(price.shape)
    with np.errstate(all="ignore"):  # on its way a search may leave the numbers that have logarithms
        for chosen in positions(flows.bounds, price.shape[1]):
            rates[chosen] = _solved(flows.take(chosen), price[chosen])
    return rates


def _solved(flows: Weighted, price: Floats) -> Floats:
    """All positions at once, those that are done falling away."""
    found = np.full(price.shape, np.nan)
    search = _Search(price)
    left = np.arange(price.shape[0])
    for _ in range(_STEPS):
        settled = search.step(flows)
        done = settled.all(axis=1)
        found[left] = np.where(settled, search.rate, np.nan)
        if done.all():
            break
        if done.any():
            kept = np.flatnonzero(~done)
            flows, left = flows.take(kept), left[kept]
            search.keep(kept)
    return found


class _Search:
    """The rates at which a search stands, and between which rates what it looks for lies."""

    def __init__(self, price: Floats) -> None:
        self.sign = np.where(price < 0.0, -1.0, 1.0)
        self.log_price = np.log(price * self.sign)
        self.hopeless = ~np.isfinite(self.log_price)
        self.rate = np.zeros(price.shape)
        self.low = np.full(price.shape, -np.inf)
        self.high = np.full(price.shape, np.inf)
        self.stride = np.full(price.shape, _FIRST_STRIDE)

    def keep(self, rows: Ints) -> None:
        """Goes on with these positions only."""
        for name in ("log_price", "hopeless", "sign", "rate", "low", "high", "stride"):
            setattr(self, name, getattr(self, name)[rows])

    def step(self, flows: Weighted) -> Bools:
        """One step nearer; which rates stand still, be it because there is no price."""
        value, slope = flows.moments(self.rate, 2)
        value *= self.sign
        slope *= self.sign
        gap = np.log(np.maximum(value, 0.0)) - self.log_price
        falls = (slope > 0.0) | (value <= 0.0)
        self.low = np.where(falls & (gap >= 0.0), self.rate, self.low)
        self.high = np.where(falls & (gap < 0.0), self.rate, self.high)
        next_rate = np.where(self.hopeless, np.nan, self._within(self.rate + gap * value / slope, falls))
        still: Bools = np.abs(next_rate - self.rate) <= _CLOSE * np.maximum(1.0, np.abs(self.rate))
        self.rate = next_rate
        return still | self.hopeless

    def _within(self, rate: Floats, falls: Bools) -> Floats:
        """Newton's rate, or where it is none or leaves the bracket, the middle of that or a stride further on.

        Where the sum does not fall, the bracket tells nothing.
        """
        astray = ~(((rate >= self.low) & (rate <= self.high) | ~falls) & np.isfinite(rate))
        if not astray.any():
            return rate
        self.stride = np.where(astray, 2.0 * self.stride, self.stride)
        middle = np.where(np.isfinite(self.low), self.low + self.stride, self.high - self.stride)
        bounded = np.isfinite(self.low) & np.isfinite(self.high)
        middle = np.where(bounded, (self.low + self.high) / 2.0, middle)
        return np.where(astray, middle, rate)
