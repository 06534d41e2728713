"""European options on exchange rates, by Garman and Kohlhagen.

Source: M. Garman and S. Kohlhagen, "Foreign currency option values", Journal of International Money and Finance 2 (1983).
Everything is written in what both sides of one unit of the base currency are worth today, in the quote currency: `asset` =
spot · DF_base(T) and `cash` = strike · DF_quote(T). `deviation` = vol · √t is the standard deviation of the logarithm of the
rate at expiry, `sign` is 1 for a call on the base currency and -1 for a put. The arrays only have to broadcast. A negative
deviation gives NaN.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.special import ndtr

from handlers.price.arrays import Floats

_DENSITY = 1.0 / math.sqrt(2.0 * math.pi)


def value(asset: Floats, cash: Floats, deviation: Floats, sign: Floats) -> Floats:
    """Sign · (asset · Φ(sign · d1) - cash · Φ(sign · d2)), d1,2 = ln(asset / cash) / deviation ± deviation / 2."""
    d1 = _d1(asset, cash, deviation)
    found: Floats = sign * (asset * ndtr(sign * d1) - cash * ndtr(sign * (d1 - deviation)))
    return found


def hedge_ratio(asset: Floats, cash: Floats, deviation: Floats, sign: Floats) -> Floats:
    """Dvalue / dasset = sign · Φ(sign · d1): the share of the base currency that hedges the option."""
    ratio: Floats = sign * ndtr(sign * _d1(asset, cash, deviation))
    return ratio


def convexity(asset: Floats, cash: Floats, deviation: Floats) -> Floats:
    """`asset` · d²value / dasset² = φ(d1) / deviation; without any deviation 0, but NaN where asset and cash are equal."""
    d1 = _d1(asset, cash, deviation)
    density = _DENSITY * np.exp(-0.5 * d1 * d1)
    with np.errstate(divide="ignore", invalid="ignore"):
        found: Floats = np.where((deviation == 0.0) & (asset != cash), 0.0, density / deviation)
    return np.where(np.isfinite(found), found, np.nan)


def _d1(asset: Floats, cash: Floats, deviation: Floats) -> Floats:
    """Infinite without any deviation; at the forward itself the sign does not matter then."""
    moneyness = np.log(asset / cash)
    certain = np.where(moneyness >= 0.0, np.inf, -np.inf)
    with np.errstate(divide="ignore", invalid="ignore"):
        d1 = moneyness / deviation + 0.5 * deviation
    return np.where(deviation > 0.0, d1, np.where(deviation == 0.0, certain, np.nan))
