"""Smiles of one expiry: volatilities quoted by delta, as a function of strike.

A quoted delta is the forward delta of a call on the base currency, premium not included, Δ = Φ(d1): its strike lies at
ln(K / F) = w² / 2 - w · Φ⁻¹(Δ) with w = vol · √t. Between the strikes of the quoted deltas the volatility is linear in
ln(K / F), outside them flat.
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri

from handlers.price.arrays import Floats, Ints
from handlers.price.vols import Vols


def volatility(vols: Vols, time: Floats, moneyness: Floats) -> Floats:
    """The volatility (P × S) of one pair at times to expiry (P) and `moneyness` = ln(K / F) (P × S)."""
    times, place = np.unique(time, return_inverse=True)
    quoted = vols.at(times)
    return interpolated(log_strikes(vols.deltas, quoted, times), quoted, place, moneyness)


def log_strikes(deltas: Floats, vols: Floats, time: Floats) -> Floats:
    """ln(K / F) of each quoted delta (N × D × S), for `vols` (N × D × S) at `time` (N) and ascending `deltas` (D)."""
    deviation = vols * np.sqrt(time)[:, None, None]
    found: Floats = 0.5 * deviation * deviation - deviation * ndtri(deltas)[:, None]
    return found


def interpolated(strikes: Floats, vols: Floats, place: Ints, moneyness: Floats) -> Floats:
    """The volatility (P × S) at `moneyness` = ln(K / F) (P × S) on the smile at `place` (P) among N.

    `strikes` (N × D × S), those of `vols`, descend, as deltas ascend. NaN where they do not: such quotes allow arbitrage,
    and give strikes more than one volatility.
    """
    found: Floats = vols[place, 0]
    for right in range(strikes.shape[1] - 1):
        upper, lower = strikes[place, right], strikes[place, right + 1]
        share = np.clip((upper - moneyness) / (upper - lower), 0.0, 1.0)
        found = found + share * (vols[place, right + 1] - vols[place, right])
        found[upper <= lower] = np.nan
    return found
