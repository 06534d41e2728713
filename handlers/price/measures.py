"""Values, yields, sensitivities and losses of cash flows: a sparse (positions × dates) matrix times discount factors.

Every sensitivity is the difference that its bump makes, never a derivative: DF · (exp(-bump · t) - 1) in place of
DF is exactly that, because rates are continuous.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from handlers.price.arrays import Floats, Ints, offsets
from handlers.price.cashflows import CashFlows
from handlers.price.credit import credit_nodes, steady_spreads
from handlers.price.curves import Nodes
from handlers.price.internal_rate import Weighted
from handlers.price.keyrates import key_rates, segment_product
from handlers.price.ladder import Paid, paid_by_day
from handlers.price.losses import AtRisk
from handlers.price.market import MarketData
from handlers.price.names import NOTHING
from handlers.price.spreads import ZSpreads
from handlers.price.yields import Yields

_PER_CENT = 100.0
_NO_CREDIT = np.array([NOTHING])


@dataclass(frozen=True)
class DiscountedFlows:
    """Cash flows of P positions and the N nodes of the curves on which they lie, credit shocks in their discount factors.

    `curve` (P) is where each position's curve is in the `market`, `place` the node of each flow; `weights` are the amounts
    times what the position's own credit spread leaves of them, and spread curves that no scenario moves.
    """

    flows: CashFlows
    market: MarketData
    curve: Ints
    nodes: Nodes
    place: Ints
    weights: Floats

    @property
    def pillars(self) -> Ints:
        """The number of pillars of each position's curve (P)."""
        return self.market.curves.pillar_counts(self.curve)

    def summed(self, weights: Floats) -> Floats:
        """The sum over each position's flows of weight × discount factor (P × S)."""
        return segment_product(weights, self.place, self.flows.bounds, self.nodes.discount)

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
            return Yields.of(Weighted(flows.bounds, flows.amount, self.nodes.time[self.place]), once, self.value)
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
            quoted = standing.terms.quote / _PER_CENT * outstanding(flows) + flows.accrued
            price = np.where(np.isnan(quoted)[:, None], price, quoted[:, None])
        return ZSpreads.of(Weighted(flows.bounds, flows.amount, nodes.time[place], nodes.discount, place), price)


def discounted(flows: CashFlows, market: MarketData) -> DiscountedFlows:
    """`flows` on their currencies' curves, which the market must have, and on the spread curves that it has for them."""
    curve = market.curves.find(flows.terms.currency)
    credit = market.spreads.find_first(flows.terms.issuer, flows.terms.rating)
    on_curve, on_credit = _of_flows(curve, flows), _of_flows(credit, flows)
    weights, spread = flows.amount, flows.terms.credit_spread
    left = steady_spreads(market, on_credit, flows.date)
    if left is not None:
        weights, on_credit = weights * left, _NO_CREDIT
    nodes, place = credit_nodes(market, on_curve, on_credit, flows.date)
    if spread.any():
        weights = weights * np.exp(-spread[flows.owner] * nodes.time[place])
    return DiscountedFlows(flows, market, curve, nodes, place, weights)


def _of_flows(curve: Ints, flows: CashFlows) -> Ints:
    """The curve of each flow; one alone if all positions are on the same."""
    return curve[:1] if (curve == curve[:1]).all() else curve[flows.owner]


def outstanding(flows: CashFlows) -> Floats:
    """What is owed at the valuation date, or at the start if that comes later (P)."""
    return flows.terms.notional if flows.standing is None else flows.standing.outstanding(flows.bounds)


def risk_free(flows: CashFlows, market: MarketData) -> DiscountedFlows:
    """The same without any credit spread."""
    curve = market.curves.find(flows.terms.currency)
    nodes, place = market.curves.nodes(_of_flows(curve, flows), flows.date)
    return DiscountedFlows(flows, market, curve, nodes, place, flows.amount)


def present_value(priced: DiscountedFlows) -> Floats:
    """Dirty, at the valuation date (P × S)."""
    return priced.value


def clean_price(priced: DiscountedFlows) -> Floats:
    """Present value without accrued interest, per 100 of what is outstanding (P × S)."""
    return (priced.value - priced.flows.accrued[:, None]) / outstanding(priced.flows)[:, None] * _PER_CENT


def ytm(priced: DiscountedFlows) -> Floats:
    """The yield to maturity at the present value, compounded as often as interest is paid (P × S)."""
    return priced.yields.ytm()


def modified_duration(priced: DiscountedFlows) -> Floats:
    """-(dP/dy) / P at the yield to maturity, in years (P × S)."""
    return priced.yields.modified_duration()


def convexity(priced: DiscountedFlows) -> Floats:
    """(d²P/dy²) / P at the yield to maturity, in years squared (P × S)."""
    return priced.yields.convexity()


def z_spread(priced: DiscountedFlows) -> Floats:
    """What added to the zero rates gives the quoted price, or the present value where none is quoted (P × S)."""
    return priced.z_spreads.spread


def spread_dv01(priced: DiscountedFlows) -> Floats:
    """What a Z-spread 1 bp higher changes, from the price at which it was found (P × S)."""
    return priced.z_spreads.dv01()


def theta(priced: DiscountedFlows) -> Floats:
    """What a day that leaves every pillar's rate as it is adds, payments of that day included (P × S)."""
    return discounted(priced.flows, priced.market.next_day()).value - priced.value


def expected_loss(priced: DiscountedFlows) -> Floats:
    """What default is expected to cost over the remaining life, discounted without any spread (P × S).

    NaN without a hazard curve, and for flows without a standing.
    """
    flows, standing = priced.flows, priced.flows.standing
    if standing is None:
        return np.full(priced.value.shape, np.nan)
    since = np.empty_like(flows.date)
    since[1:] = flows.date[:-1]
    since[flows.bounds[:-1]] = np.maximum(flows.valuation, standing.terms.start)
    since = np.minimum(since, flows.date)
    hazard = priced.market.hazards.find_first(flows.terms.issuer, flows.terms.rating)
    at_risk = AtRisk(flows.bounds, hazard, standing.losses_given_default(), since, flows.date, *priced.riskless)
    return at_risk.expected(priced.market.hazards)


def dv01(priced: DiscountedFlows) -> Floats:
    """What every zero rate of every curve 1 bp higher changes (P × S)."""
    return priced.summed(priced.weights * priced.nodes.rate_bump()[priced.place])


def cs01(priced: DiscountedFlows) -> Floats:
    """What a credit spread 1 bp higher changes (P × S): it is added to the zero rate, so the same as `dv01`."""
    return dv01(priced)


def payments(flows: CashFlows) -> Paid:
    """What is paid on each day that is still to come."""
    return paid_by_day(flows.accrued.size, flows.owner, flows.date, flows.amount)[0]


def krd(priced: DiscountedFlows) -> Floats:
    """What each pillar 1 bp higher changes: rows by position, then pillar (sum of `pillars` × S)."""
    rows = offsets(priced.pillars)
    return key_rates(priced.nodes, priced.place, priced.weights, rows[priced.flows.owner], int(rows[-1]))


# What every product of known cash flows has, and what those have besides that are quoted by price.
VALUE_MEASURES: dict[str, Callable[[DiscountedFlows], Floats]] = {
    "PV": present_value,
    "DV01": dv01,
    "CS01": cs01,
    "KRD": krd,
    "THETA": theta,
}
PRICE_MEASURES = VALUE_MEASURES | {
    "CLEAN_PRICE": clean_price,
    "YTM": ytm,
    "MODIFIED_DURATION": modified_duration,
    "CONVEXITY": convexity,
    "Z_SPREAD": z_spread,
    "SPREAD_DV01": spread_dv01,
}
