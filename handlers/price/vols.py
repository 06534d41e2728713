"""Volatilities of currency pairs by expiry and delta, under all scenarios."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import Self

import numpy as np

from events.market import FlatVol, VolSurface
from handlers.price.arrays import Floats, Ints
from handlers.price.dates import to_day
from handlers.price.interpolation import DAYS_A_YEAR

_AT_THE_MONEY = 0.5


@dataclass(frozen=True, slots=True)
class Vols:
    """One pair's: `vols` (expiries × deltas) at `times` in years and forward deltas of the call, both ascending.

    Scenario s makes each of them vol · factor[s] + shift[s].
    """

    times: Floats
    deltas: Floats
    vols: Floats
    factor: Floats
    shift: Floats

    @classmethod
    def of(cls, quoted: FlatVol | VolSurface, valuation: date, factor: Floats, shift: Floats) -> Self:
        """The volatilities of a market snapshot; those of expiries that are not after the valuation drop out."""
        if isinstance(quoted, FlatVol):
            return cls(np.array([1.0]), np.array([_AT_THE_MONEY]), np.array([[quoted.flat]]), factor, shift)
        days = np.array([to_day(expiry) for expiry in quoted.expiries], dtype=np.int64) - to_day(valuation)
        ahead = days > 0 if (days > 0).any() else days == days.max()
        return cls(
            np.maximum(days[ahead], 1) / DAYS_A_YEAR, np.array(quoted.deltas), np.array(quoted.vols)[ahead], factor, shift
        )

    @property
    def is_flat(self) -> bool:
        """Whether there is one volatility for all."""
        return self.vols.size == 1

    def under(self, scenarios: slice) -> Vols:
        """The same under some of the scenarios."""
        return replace(self, factor=self.factor[scenarios], shift=self.shift[scenarios])

    def at_delta(self, time: Floats, delta: Floats) -> Floats:
        """The volatility (P × S) at times (P) and forward deltas of the call (P × S).

        Linear in delta between deltas; the variance vol² · time at one delta is linear in time between expiries. Outside
        both the volatility is flat.
        """
        lower, upper, share = _around(self.times, time)
        early, late = self._across(lower, delta), self._across(upper, delta)
        start, end = self.times[lower][:, None], self.times[upper][:, None]
        weight = share[:, None]
        variance = (1.0 - weight) * early**2 * start + weight * late**2 * end
        between = np.sqrt(variance / ((1.0 - weight) * start + weight * end))
        return between * self.factor + self.shift

    def _across(self, expiry: Ints, delta: Floats) -> Floats:
        lower, upper, share = _around(self.deltas, delta)
        row = expiry[:, None]
        return (1.0 - share) * self.vols[row, lower] + share * self.vols[row, upper]


def _around(grid: Floats, value: Floats) -> tuple[Ints, Ints, Floats]:
    """The places in an ascending grid between which values lie, and the weight of the upper one, flat outside."""
    upper = np.minimum(np.searchsorted(grid, value, side="left"), grid.size - 1)
    lower = np.maximum(upper - 1, 0)
    gap = grid[upper] - grid[lower]
    share = np.clip((value - grid[lower]) / np.where(gap > 0.0, gap, 1.0), 0.0, 1.0)
    return lower, upper, np.where(gap > 0.0, share, 0.0)
