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

    def a_day_later(self) -> Vols:
        """The same quotes for the same expiries on the day after the valuation."""
        days = np.rint(self.times * DAYS_A_YEAR) - 1.0
        ahead = days > 0.0 if (days > 0.0).any() else days == days.max()
        return replace(self, times=np.maximum(days[ahead], 1.0) / DAYS_A_YEAR, vols=self.vols[ahead])

    def at(self, time: Floats) -> Floats:
        """The volatilities of each delta (N × deltas × S) at times (N).

        Between expiries vol² · time is linear in time, outside them the volatility is flat. NaN where a scenario leaves no
        positive volatility.
        """
        shocked = self.vols[:, :, None] * self.factor + self.shift
        shocked[shocked <= 0.0] = np.nan
        lower, upper, share = _around(self.times, time)
        start, end = (1.0 - share) * self.times[lower], share * self.times[upper]
        variance = shocked[lower] ** 2 * start[:, None, None] + shocked[upper] ** 2 * end[:, None, None]
        return np.sqrt(variance / (start + end)[:, None, None])


def _around(grid: Floats, value: Floats) -> tuple[Ints, Ints, Floats]:
    """The places in an ascending grid between which values lie, and the weight of the upper one, flat outside."""
    upper = np.minimum(np.searchsorted(grid, value, side="left"), grid.size - 1)
    lower = np.maximum(upper - 1, 0)
    gap = grid[upper] - grid[lower]
    share = np.clip((value - grid[lower]) / np.where(gap > 0.0, gap, 1.0), 0.0, 1.0)
    return lower, upper, np.where(gap > 0.0, share, 0.0)
