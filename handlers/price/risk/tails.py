"""Value at risk and expected shortfall of profits and losses, by historical simulation.

Each day counts alike, no distribution is fitted and nothing is interpolated. Losses are positive numbers, so a book that gains
even in its tail has a negative value at risk.
"""

from __future__ import annotations

import numpy as np

from handlers.price.arrays import Floats

# Days in the tail such as 500 · (1 - 0.99) are not whole numbers of days by this much only.
_ROUNDING = 1e-9


def value_at_risk(profits: Floats, level: float) -> Floats:
    """The smallest loss that is not exceeded with probability `level`, over the last axis of `profits` (… × D).

    That is the loss of the day of rank ⌈level · D⌉ from the best. NaN where any of the days has no profit.
    """
    worst_first = np.sort(profits, axis=-1)
    days = profits.shape[-1]
    rank = max(1, int(np.ceil(level * days - _ROUNDING)))
    found: Floats = -worst_first[..., days - rank]
    return np.where(np.isnan(profits).any(axis=-1), np.nan, found)


def expected_shortfall(profits: Floats, level: float) -> Floats:
    """The mean loss over the worst days that make up the probability 1 - `level`, the last of them in part.

    C. Acerbi and D. Tasche, On the coherence of expected shortfall, Journal of Banking & Finance 26 (2002), definition 2.6.
    NaN where any of the days has no profit.
    """
    worst_first = np.sort(profits, axis=-1)
    tail = (1.0 - level) * profits.shape[-1]
    tail = float(round(tail)) if round(tail) and abs(tail - round(tail)) < _ROUNDING else tail
    whole = int(tail)
    total = worst_first[..., :whole].sum(axis=-1)
    if tail > whole:
        total = total + (tail - whole) * worst_first[..., whole]
    return np.where(np.isnan(profits).any(axis=-1), np.nan, -total / tail)
