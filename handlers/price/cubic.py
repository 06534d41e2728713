"""Monotone cubic zero rates: the natural cubic spline, its slopes limited by Hyman's filter.

J. M. Hyman, Accurate Monotonicity Preserving Cubic Interpolation, SIAM J. Sci. Stat. Comput. 4 (1983), with the wider limits of
R. L. Dougherty, A. Edelman and J. M. Hyman, Math. Comp. 52 (1989). QuantLib's `MonotonicCubicZeroCurve` is the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.linalg import solve_banded

from handlers.price.arrays import Floats, Ints
from handlers.price.interpolation import DAYS_A_YEAR


@dataclass(frozen=True, slots=True)
class CubicNodes:
    """Those nodes, `rows` among all, that lie on one monotone cubic curve: `time` in years.

    `pillars` (K) are times, `rates` (K × S) the zero rates there, `left` the pillar before each node and `share` how far it
    lies towards the next one, from 0 to 1; outside the pillars the zero rate is flat.
    """

    rows: Ints
    time: Floats
    pillars: Floats
    rates: Floats
    left: Ints
    share: Floats

    @classmethod
    def of(cls, rows: Ints, ahead: Ints | Floats, days: Ints, rates: Floats) -> CubicNodes:
        """Nodes on days `ahead` of the valuation, pillars on `days` counted the same way."""
        pillars = days / DAYS_A_YEAR
        left = np.clip(np.searchsorted(days, ahead, side="right") - 1, 0, max(days.size - 2, 0))
        gap = np.diff(days)[left] if days.size > 1 else 1
        share = np.clip((ahead - days[left]) / gap, 0.0, 1.0)
        return cls(rows, ahead / DAYS_A_YEAR, pillars, rates, left, share)

    def zero_rates(self) -> Floats:
        """The zero rates (rows × S)."""
        return self._interpolated(self.rates)

    def gains(self, bump: float) -> Iterator[Floats]:
        """Pillar by pillar: what discount factors (rows × S) gain, relatively, when its rate rises by `bump`."""
        return (self.gain(pillar, bump) for pillar in range(self.pillars.size))

    def gain(self, pillar: int, bump: float) -> Floats:
        """The same for one pillar."""
        bumped = self.rates.copy()
        bumped[pillar] += bump
        return np.expm1((self.zero_rates() - self._interpolated(bumped)) * self.time[:, None])

    def _interpolated(self, rates: Floats) -> Floats:
        """Hermite's cubic through the rates with the filtered slopes."""
        if self.pillars.size == 1:
            return np.broadcast_to(rates, (self.rows.size, rates.shape[1]))
        width = np.diff(self.pillars)[:, None]
        secant = np.diff(rates, axis=0) / width
        slope = filtered(spline_slopes(width, secant), width, secant)
        left, share = self.left, self.share[:, None]
        run = share * width[left]
        start, end, chord = slope[left], slope[left + 1], secant[left]
        curved = (3.0 * chord - 2.0 * start - end) + share * (start + end - 2.0 * chord)
        found: Floats = rates[left] + run * (start + share * curved)
        return found


def spline_slopes(width: Floats, secant: Floats) -> Floats:
    """First derivatives (K × S) of the natural cubic spline with these segment widths (K - 1 × 1) and secants (K - 1 × S)."""
    inner = width[:, 0]
    bands = np.ones((3, inner.size + 1))
    bands[0, 2:], bands[2, :-2] = inner[:-1], inner[1:]
    bands[1, 0] = bands[1, -1] = 2.0
    bands[1, 1:-1] = 2.0 * (inner[:-1] + inner[1:])
    right = np.empty((inner.size + 1, secant.shape[1]))
    right[0], right[-1] = 3.0 * secant[0], 3.0 * secant[-1]
    right[1:-1] = 3.0 * (width[1:] * secant[:-1] + width[:-1] * secant[1:])
    slopes: Floats = solve_banded((1, 1), bands, right, check_finite=False)
    return slopes


def filtered(slope: Floats, width: Floats, secant: Floats) -> Floats:
    """Slopes that keep the cubic monotone wherever the rates are: of the right sign, and no greater than the limit."""
    middle = (secant[:-1] * width[1:] + secant[1:] * width[:-1]) / (width[:-1] + width[1:])
    limit = 3.0 * np.minimum(np.minimum(np.abs(secant[:-1]), np.abs(secant[1:])), np.abs(middle))
    _widen(limit, middle, width, secant)
    _widen(limit[::-1], -middle[::-1], width[::-1], -secant[::-1])
    direction = np.concatenate((secant[:1], middle, secant[-1:]))
    most = np.concatenate((3.0 * np.abs(secant[:1]), limit, 3.0 * np.abs(secant[-1:])))
    return np.where(slope * direction > 0.0, np.copysign(np.minimum(np.abs(slope), most), slope), 0.0)


def _widen(limit: Floats, middle: Floats, width: Floats, secant: Floats) -> None:
    """Lets slopes be steeper at inner pillars about which, with the one before, the rates bend one way only."""
    near, far = secant[1:-1], secant[:-2]
    beyond = (near * (2.0 * width[1:-1] + width[:-2]) - far * width[1:-1]) / (width[:-2] + width[1:-1])
    bend, pace = near - far, middle[1:]
    wide = (bend * (secant[2:] - near) > 0.0) & (pace * beyond > 0.0) & (pace * bend > 0.0)
    steeper = np.maximum(limit[1:], 1.5 * np.minimum(np.abs(pace), np.abs(beyond)))
    np.copyto(limit[1:], steeper, where=wide)
