"""Cash flows discounted in a market: each position's sums of its flows, one for each scenario."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from handlers.price.arrays import Days, Floats, Ints
from handlers.price.cashflows import CashFlows
from handlers.price.credit import credit_nodes, steady_spreads
from handlers.price.curves import Nodes
from handlers.price.internal_rate import Weighted
from handlers.price.interpolation import DAYS_A_YEAR
from handlers.price.keyrates import segment_product
from handlers.price.market import MarketData
from handlers.price.names import NOTHING
from handlers.price.samples import FEWEST_TERMS, Samples, samples
from handlers.price.spreads import ZSpreads
from handlers.price.yields import Yields

# Prices are quoted per 100 of what is outstanding.
PER_CENT = 100.0
_NO_CREDIT = np.array([NOTHING])


@dataclass(frozen=True)
class DiscountedFlows:
    """Cash flows of P positions on the curves of a market.

    `curve` (P) is where each position's curve is in the `market`; `weights` are the amounts times what the position's own
    credit spread leaves of them, and spread curves that no scenario moves. `credit` are the spread curves that are part of
    the discount factors, one alone or one for each flow; None for no credit spread at all, the scenarios' included.
    """

    flows: CashFlows
    market: MarketData
    curve: Ints
    credit: Ints | None
    weights: Floats

    @property
    def pillars(self) -> Ints:
        """The number of pillars of each position's curve (P)."""
        return self.market.curves.pillar_counts(self.curve)

    @property
    def nodes(self) -> Nodes:
        """The N nodes of the curves on which the flows lie, with their discount factors."""
        return self._on_nodes[0]

    @property
    def place(self) -> Ints:
        """The node of each flow."""
        return self._on_nodes[1]

    @cached_property
    def _on_nodes(self) -> tuple[Nodes, Ints]:
        curve = _of_flows(self.curve, self.flows)
        if self.credit is None:
            return self.market.curves.nodes(curve, self.flows.date)
        return credit_nodes(self.market, curve, self.credit, self.flows.date)

    @cached_property
    def ahead(self) -> Days:
        """How many days after the valuation each flow is paid."""
        ahead: Days = self.flows.date.astype(np.int32)
        ahead -= self.market.curves.valuation
        return ahead

    @cached_property
    def samples(self) -> Samples | None:
        """Of many flows on one curve in many scenarios: what makes their discount factors without working out each."""
        flows, credit = self.flows, self.credit
        if flows.date.size * self.market.scenarios < FEWEST_TERMS or (self.curve != self.curve[0]).any():
            return None
        if credit is not None and (credit != NOTHING).any():
            return None
        spread = None if credit is None else self.market.shift
        # In time order, the last flow of a position is its latest.
        curves, latest = self.market.curves, int(flows.date[flows.bounds[1:] - 1].max())
        horizon = latest - curves.valuation + 1
        return samples(curves, int(self.curve[0]), horizon, spread, flows.date.size, flows.accrued.size)

    def summed(self, weights: Floats) -> Floats:
        """The sum over each position's flows of weight × discount factor (P × S)."""
        if self.samples is not None:
            return self.samples.summed(weights, self.ahead, self.flows.bounds)
        return segment_product(weights, self.place, self.flows.bounds, self.nodes.discount)

    def by_day(self, of_years: Callable[[Floats], Floats]) -> Floats:
        """What a function of the time in years comes to for each flow, worked out once a day (F)."""
        if self.samples is None:
            return of_years(self.nodes.time)[self.place]
        return of_years(np.arange(self.samples.stretch.size) / DAYS_A_YEAR).take(self.ahead)

    @cached_property
    def value(self) -> Floats:
        """Present values, dirty (P × S)."""
        return self.summed(self.weights)

    @cached_property
    def yields(self) -> Yields:
        """Yields at the present values."""
        flows, standing = self.flows, self.flows.standing
        if standing is None:
            once = np.ones(flows.accrued.size, dtype=np.int64)
            return Yields.of(Weighted(flows.bounds, flows.amount, self.ahead / DAYS_A_YEAR), once, self.value)
        timed = Weighted(flows.bounds, flows.amount, standing.times(flows.bounds))
        return Yields.of(timed, standing.terms.frequency, self.value)

    @cached_property
    def riskless(self) -> tuple[Nodes, Ints]:
        """The nodes of the curves without any spread, and the place of each flow among them."""
        return self.market.curves.nodes(self.curve[self.flows.owner], self.flows.date)

    @cached_property
    def z_spreads(self) -> ZSpreads:
        """Spreads at the prices that are quoted, elsewhere at the present values."""
        flows, (nodes, place) = self.flows, self.riskless
        price, standing = self.value, flows.standing
        if standing is not None and not np.isnan(standing.terms.quote).all():
            quoted = standing.terms.quote / PER_CENT * outstanding(flows) + flows.accrued
            price = np.where(np.isnan(quoted)[:, None], price, quoted[:, None])
        return ZSpreads.of(Weighted(flows.bounds, flows.amount, nodes.time[place], nodes.discount, place), price)


def discounted(flows: CashFlows, market: MarketData) -> DiscountedFlows:
    """`flows` on their currencies' curves, which the market must have, and on the spread curves that it has for them."""
    curve = market.curves.find(flows.terms.currency)
    credit = market.spreads.find_first(flows.terms.issuer, flows.terms.rating)
    on_credit = _of_flows(credit, flows)
    weights, spread = flows.amount, flows.terms.credit_spread
    left = steady_spreads(market, on_credit, flows.date)
    if left is not None:
        weights, on_credit = weights * left, _NO_CREDIT
    if spread.any():
        years = (flows.date - market.curves.valuation) / DAYS_A_YEAR
        weights = weights * np.exp(-spread[flows.owner] * years)
    return DiscountedFlows(flows, market, curve, on_credit, weights)


def _of_flows(curve: Ints, flows: CashFlows) -> Ints:
    """The curve of each flow; one alone if all positions are on the same."""
    return curve[:1] if (curve == curve[:1]).all() else curve[flows.owner]


def outstanding(flows: CashFlows) -> Floats:
    """What is owed at the valuation date, or at the start if that comes later (P)."""
    return flows.terms.notional if flows.standing is None else flows.standing.outstanding(flows.bounds)


def risk_free(flows: CashFlows, market: MarketData) -> DiscountedFlows:
    """The same without any credit spread."""
    return DiscountedFlows(flows, market, market.curves.find(flows.terms.currency), None, flows.amount)
