"""Zero curves of all currencies under all scenarios, and the discount factors that they give."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from handlers.price.arrays import Floats, Ints, distinct

DAYS_A_YEAR = 365.0
BASIS_POINT = 1e-4

# Currency codes and days in one number: days lie well within ±2**22.
_SHIFT = 2**23


@dataclass(frozen=True, slots=True)
class Curves:
    """C curves side by side under S scenarios: curve c owns the pillars `bounds[c]` to `bounds[c + 1]`.

    `currencies` are the currencies' codes, ascending; `pillars` days; `rates` (pillars × S) continuous zero rates, time
    being ACT/365F from `valuation`. Between pillars the zero rate is linear in time, outside them it is flat.
    """

    valuation: int
    currencies: Ints
    bounds: Ints
    pillars: Ints
    rates: Floats

    def find(self, currency: Ints) -> Ints:
        """Which curve is each currency's; -1: none."""
        if self.currencies.size == 0:
            return np.full(currency.size, -1)
        place = np.minimum(np.searchsorted(self.currencies, currency), self.currencies.size - 1)
        return np.where(self.currencies[place] == currency, place, -1)

    def pillar_counts(self, curve: Ints) -> Ints:
        """How many pillars each curve has."""
        return self.bounds[curve + 1] - self.bounds[curve]

    def nodes(self, curve: Ints, day: Ints) -> tuple[Nodes, Ints]:
        """The distinct (curve, day) pairs, and the place of each given pair among them."""
        keys, place = distinct(curve * _SHIFT + (day - self.valuation))
        node_curve, ahead = np.divmod(keys, _SHIFT)
        return self._between_pillars(node_curve, ahead), place

    def _between_pillars(self, curve: Ints, ahead: Ints) -> Nodes:
        first, last = self.bounds[curve], self.bounds[curve + 1] - 1
        own = np.repeat(np.arange(self.currencies.size), np.diff(self.bounds))
        keys = own * 2 * _SHIFT + (self.pillars - self.valuation)
        left = np.searchsorted(keys, curve * 2 * _SHIFT + ahead, side="right") - 1
        left = np.minimum(np.maximum(left, first), last)
        right = np.minimum(left + 1, last)
        gap = np.maximum(self.pillars[right] - self.pillars[left], 1)
        share = np.minimum(np.maximum((ahead + self.valuation - self.pillars[left]) / gap, 0.0), 1.0)
        share = np.where(left == right, 0.0, share)
        return Nodes(ahead / DAYS_A_YEAR, left - first, right - first, share, self._discount(ahead, left, right, share))

    def _discount(self, ahead: Ints, left: Ints, right: Ints, share: Floats) -> Floats:
        time = ahead / DAYS_A_YEAR
        exponent = self.rates[left]
        exponent *= (-time * (1.0 - share))[:, None]
        exponent -= self.rates[right] * (time * share)[:, None]
        return np.exp(exponent, out=exponent)


@dataclass(frozen=True, slots=True)
class Nodes:
    """U points on curves: `time` in years, the pillars `left` and `right` of it (counted from the curve's first), the
    weight `share` of the right one, and `discount` (U × S) factors."""

    time: Floats
    left: Ints
    right: Ints
    share: Floats
    discount: Floats

    def rate_bump(self) -> Floats:
        """What discount factors gain, relatively, when the whole curve rises by a basis point."""
        return np.expm1(-BASIS_POINT * self.time)

    def pillar_bumps(self) -> tuple[Floats, Floats]:
        """The same when only the left, or only the right pillar rises."""
        return np.expm1(-BASIS_POINT * self.time * (1.0 - self.share)), np.expm1(-BASIS_POINT * self.time * self.share)
