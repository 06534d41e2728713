"""Present value and sensitivities of discounted cash flows: a sparse (positions × dates) matrix times discount factors.

Every sensitivity is the difference that its bump makes, never a derivative: DF · (exp(-bump · t) - 1) in place of
DF is exactly that, because rates are continuous.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from handlers.price.arrays import Floats, Ints, offsets
from handlers.price.cashflows import CashFlows
from handlers.price.credit import credit_nodes
from handlers.price.curves import Nodes
from handlers.price.keyrates import key_rates, segment_product
from handlers.price.market import MarketData


@dataclass(frozen=True, slots=True)
class DiscountedFlows:
    """Cash flows of P positions and the N nodes of the curves on which they lie, credit shocks in their discount factors.

    `place` is the node of each flow, `weights` are the amounts times what the position's own credit spread leaves of
    them, `pillars` (P) is the number of pillars of each position's curve.
    """

    flows: CashFlows
    nodes: Nodes
    place: Ints
    weights: Floats
    pillars: Ints

    def summed(self, weights: Floats) -> Floats:
        """The sum over each position's flows of weight × discount factor (P × S)."""
        return segment_product(weights, self.place, self.flows.bounds, self.nodes.discount)


def discounted(flows: CashFlows, market: MarketData) -> DiscountedFlows:
    """`flows` on their currencies' curves, which the market must have, and on the spread curves that it has for them."""
    curve = market.curves.find(flows.terms.currency)
    credit = market.spreads.find_first(flows.terms.issuer, flows.terms.rating)
    nodes, place = credit_nodes(market, curve[flows.owner], credit[flows.owner], flows.date)
    weights, spread = flows.amount, flows.terms.credit_spread
    if spread.any():
        weights = weights * np.exp(-spread[flows.owner] * nodes.time[place])
    return DiscountedFlows(flows, nodes, place, weights, market.curves.pillar_counts(curve))


def present_value(priced: DiscountedFlows) -> Floats:
    """Dirty, at the valuation date (P × S)."""
    return priced.summed(priced.weights)


def dv01(priced: DiscountedFlows) -> Floats:
    """What every zero rate of every curve 1 bp higher changes (P × S)."""
    return priced.summed(priced.weights * priced.nodes.rate_bump()[priced.place])


def cs01(priced: DiscountedFlows) -> Floats:
    """What a credit spread 1 bp higher changes (P × S): it is added to the zero rate, so the same as `dv01`."""
    return dv01(priced)


def krd(priced: DiscountedFlows) -> Floats:
    """What each pillar 1 bp higher changes: rows by position, then pillar (sum of `pillars` × S)."""
    rows = offsets(priced.pillars)
    return key_rates(priced.nodes, priced.place, priced.weights, rows[priced.flows.owner], int(rows[-1]))
