"""Discount factors that credit spreads are part of."""

from __future__ import annotations

import numpy as np

from handlers.price.arrays import Floats, Ints, distinct
from handlers.price.curves import Nodes
from handlers.price.market import MarketData
from handlers.price.names import NOTHING


def steady_spreads(market: MarketData, credit: Ints, day: Ints) -> Floats | None:
    """What the spread curves leave of payments on these days; None if a scenario moves one of them.

    `credit` (-1: none) may be one for all days. What is the same under all scenarios need not be worked out for each.
    """
    if (credit == NOTHING).all() or not market.spreads.is_steady:
        return None
    curve, left = np.broadcast_to(credit, day.shape), np.ones(day.size)
    risky = np.flatnonzero(curve != NOTHING)
    spreads = market.spreads.under(slice(1))
    left[risky] = spreads.at(curve[risky], day[risky] - spreads.valuation).discount[:, 0]
    return left


def credit_nodes(market: MarketData, curve: Ints, credit: Ints, day: Ints) -> tuple[Nodes, Ints]:
    """The distinct (discount curve, spread curve, day) nodes, and the place of each given one among them.

    Discount factors are those of the zero rate, the spread curve's rate (`credit` -1: none) and the scenario's shift of all
    spreads together; pillars and weights are the discount curve's. `curve` and `credit` may be one for all days.
    """
    shift = market.shift
    if (credit == NOTHING).all():
        return market.curves.nodes(curve, day, shift)
    horizon = int(day.max()) - market.curves.valuation + 1
    count = market.spreads.codes.size + 1
    keys, place = distinct(day + ((curve * count + credit + 1) * horizon - market.curves.valuation))
    both, ahead = np.divmod(keys, horizon)
    nodes = market.curves.at(both // count, ahead, shift)
    risky = np.flatnonzero(both % count)
    nodes.discount[risky] *= market.spreads.at(both[risky] % count - 1, ahead[risky]).discount
    return nodes, place
