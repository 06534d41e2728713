"""Zero curves of one kind under all scenarios, and the discount factors that they give."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from handlers.price.arrays import Floats, Ints, distinct
from handlers.price.cubic import CubicNodes
from handlers.price.dates import month_and_day, to_date
from handlers.price.interpolation import MONOTONE_CUBIC_ZERO, bracket
from handlers.price.names import NOTHING

BASIS_POINT = 1e-4

# A curve's number and a distance in days as one number: calendar dates are less than 2**22 days apart.
_SHIFT = 2**23

# With fewer flows all nodes stay in the cache in any order.
_MANY_FLOWS = 10_000
DAYS_OF_MONTH = 32


@dataclass(frozen=True, slots=True)
class Curves:
    """C curves side by side under S scenarios: curve c owns the pillars `bounds[c]` to `bounds[c + 1]`.

    `codes` are what the curves are found by, ascending, and `names` their texts; `methods` how each is interpolated;
    `pillars` days; `rates` (pillars × S) continuous zero rates, time being ACT/365F from `valuation`.
    """

    valuation: int
    codes: Ints
    names: tuple[str, ...]
    methods: Ints
    bounds: Ints
    pillars: Ints
    rates: Floats

    def find(self, code: Ints) -> Ints:
        """Which curve is each code's; -1: none."""
        if self.codes.size == 0:
            return np.full(code.size, NOTHING)
        place = np.minimum(np.searchsorted(self.codes, code), self.codes.size - 1)
        return np.where(self.codes[place] == code, place, NOTHING)

    def find_first(self, code: Ints, otherwise: Ints) -> Ints:
        """The same, with another code for those that have no curve under the first."""
        found = self.find(code)
        return np.where(found == NOTHING, self.find(otherwise), found) if (found == NOTHING).any() else found

    def pillar_counts(self, curve: Ints) -> Ints:
        """How many pillars each curve has; 0 for no curve."""
        return np.where(curve == NOTHING, 0, self.bounds[curve + 1] - self.bounds[curve])

    def pillar_labels(self, curve: int) -> list[str]:
        """The ISO dates of a curve's pillars."""
        first, last = self.bounds[curve : curve + 2]
        return [to_date(day).isoformat() for day in self.pillars[first:last].tolist()]

    @property
    def is_steady(self) -> bool:
        """Whether no scenario moves a rate."""
        return self.rates.strides[1] == 0 or bool((self.rates == self.rates[:, :1]).all())

    def under(self, scenarios: slice) -> Curves:
        """The same curves under some of the scenarios."""
        return replace(self, rates=self.rates[:, scenarios])

    def next_day(self) -> Curves:
        """The same curves a day later: rates stay at their dates."""
        return replace(self, valuation=self.valuation + 1)

    def nodes(self, curve: Ints, day: Ints, spread: Floats | None = None) -> tuple[Nodes, Ints]:
        """The distinct (curve, day) pairs, none before the valuation, and the place of each given pair among them.

        `curve` may be one for all days. `spread` (S) is added to the zero rates.
        """
        horizon = int(day.max()) - self.valuation + 1
        rank = self._by_day_of_month(horizon) if day.size >= _MANY_FLOWS else None
        if curve.size == 1:
            ahead, place = distinct(day - self.valuation, horizon, rank)
            return self.at(np.repeat(curve, ahead.size), ahead, spread), place
        keys, place = distinct(day + (curve * horizon - self.valuation), rank=rank)
        node_curve, ahead = np.divmod(keys, horizon)
        return self.at(node_curve, ahead, spread), place

    def _by_day_of_month(self, horizon: int) -> Callable[[Ints], Ints]:
        """Ranks curve · horizon + days ahead so that what is paid month by month lies side by side on each curve."""

        def rank(keys: Ints) -> Ints:
            day = keys % horizon + self.valuation
            return keys // horizon * DAYS_OF_MONTH + month_and_day(day)[1]

        return rank

    def at(self, curve: Ints, ahead: Ints | Floats, spread: Floats | None = None) -> Nodes:
        """A node for each of these days, whole or not, counted from the valuation, on these curves."""
        days = self.pillars - self.valuation
        first, last = self.bounds[curve], self.bounds[curve + 1] - 1
        own = np.repeat(np.arange(self.codes.size), np.diff(self.bounds))
        left = np.searchsorted(own * _SHIFT + days, curve * _SHIFT + ahead, side="right") - 1
        found = bracket(days, self.methods[curve], ahead, first, last, left)
        exponent = self.rates[found.left]
        exponent *= -found.left_time[:, None]
        exponent -= self.rates[found.right] * found.right_time[:, None]
        cubic = self._cubic(curve, ahead) if (self.methods == MONOTONE_CUBIC_ZERO).any() else ()
        for each in cubic:
            exponent[each.rows] = -each.zero_rates() * each.time[:, None]
        if spread is not None:
            exponent -= spread * found.time[:, None]
        discount = np.exp(exponent, out=exponent)
        left, right = found.left - first, found.right - first
        return Nodes(found.time, left, right, found.left_time, found.right_time, discount, cubic)

    def _cubic(self, curve: Ints, ahead: Ints | Floats) -> tuple[CubicNodes, ...]:
        found = []
        for each in np.unique(curve[self.methods[curve] == MONOTONE_CUBIC_ZERO]).tolist():
            rows, pillars = np.flatnonzero(curve == each), slice(*self.bounds[each : each + 2].tolist())
            found.append(CubicNodes.of(rows, ahead[rows], self.pillars[pillars] - self.valuation, self.rates[pillars]))
        return tuple(found)


def rate_bump(years: Floats) -> Floats:
    """What discount factors of that many years gain, relatively, when the zero rate rises by a basis point."""
    return np.expm1(-BASIS_POINT * years)


@dataclass(frozen=True, slots=True)
class Nodes:
    """N points on curves under S scenarios.

    `time` in years, the pillars `left` and `right` of it, counted from the curve's first, the years that the zero rate of
    each counts for, and the discount factors (N × S). Nodes on monotone cubic curves are in `cubic` too, and have no years at
    single pillars.
    """

    time: Floats
    left: Ints
    right: Ints
    left_time: Floats
    right_time: Floats
    discount: Floats
    cubic: tuple[CubicNodes, ...] = ()

    def rate_bump(self) -> Floats:
        """What discount factors gain, relatively, when the whole curve rises by a basis point (N)."""
        return rate_bump(self.time)

    def pillar_bumps(self) -> tuple[Floats, Floats]:
        """The same when only the left, or only the right pillar rises; 0 on monotone cubic curves."""
        return np.expm1(-BASIS_POINT * self.left_time), np.expm1(-BASIS_POINT * self.right_time)

    def cubic_bumps(self) -> Iterator[tuple[int, Ints, Floats]]:
        """The same on monotone cubic curves: a pillar, the nodes that it moves, and what they gain (nodes × S)."""
        for each in self.cubic:
            for pillar, gains in enumerate(each.gains(BASIS_POINT)):
                yield pillar, each.rows, gains

    def bumped(self, pillar: int) -> Floats:
        """The discount factors (N × S) when that pillar of each curve, counted from its first, rises by a basis point."""
        years = np.where(self.left == pillar, self.left_time, 0.0) + np.where(self.right == pillar, self.right_time, 0.0)
        found: Floats = self.discount * np.exp(-BASIS_POINT * years)[:, None]
        for each in self.cubic:
            if pillar < each.pillars.size:
                found[each.rows] *= 1.0 + each.gain(pillar, BASIS_POINT)
        return found
