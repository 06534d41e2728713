"""Zero curves of all currencies under all scenarios, and the discount factors that they give."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from handlers.price.arrays import Floats, Ints, distinct

DAYS_A_YEAR = 365.0
BASIS_POINT = 1e-4

# A curve's number and a distance in days as one number: calendar dates are less than 2**22 days apart.
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

    def nodes(self, curve: Ints, day: Ints, spread: Floats | None = None) -> tuple[Nodes, Ints]:
        """The distinct (curve, day) pairs, none before the valuation, and the place of each given pair among them.

        `spread` (S) is added to the zero rates.
        """
        horizon = int(day.max()) - self.valuation + 1
        keys, place = distinct(curve * horizon + (day - self.valuation))
        node_curve, ahead = np.divmod(keys, horizon)
        return self._between_pillars(node_curve, ahead, spread), place

    def _between_pillars(self, curve: Ints, ahead: Ints, spread: Floats | None) -> Nodes:
        first, last = self.bounds[curve], self.bounds[curve + 1] - 1
        left = np.searchsorted(self._pillar_keys(), curve * _SHIFT + ahead, side="right") - 1
        left = np.minimum(np.maximum(left, first), last)
        right = np.minimum(left + 1, last)
        gap = np.maximum(self.pillars[right] - self.pillars[left], 1)
        share = np.maximum((ahead + self.valuation - self.pillars[left]) / gap, 0.0)
        share[left == right] = 0.0
        time = ahead / DAYS_A_YEAR
        exponent = self.rates[left]
        exponent *= (share - 1.0)[:, None] * time[:, None]
        exponent -= self.rates[right] * (share * time)[:, None]
        if spread is not None:
            exponent -= spread * time[:, None]
        return Nodes(time, left - first, right - first, share, np.exp(exponent, out=exponent))

    def _pillar_keys(self) -> Ints:
        """All pillars in one ascending order: by curve, then by date."""
        own = np.repeat(np.arange(self.currencies.size), np.diff(self.bounds))
        return own * _SHIFT + (self.pillars - self.valuation)


@dataclass(frozen=True, slots=True)
class Nodes:
    """N points on curves under S scenarios.

    `time` in years, the pillars `left` and `right` of it, counted from the curve's first, the weight `share` of the right
    one in the zero rate, and the discount factors (N × S).
    """

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
