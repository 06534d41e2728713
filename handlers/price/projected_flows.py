"""What positions with a floating leg pay on each day at projected rates, and the prices and spreads that follow from it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from handlers.price.arrays import Bools, Floats, Ints
from handlers.price.discounted import PER_CENT, risk_free
from handlers.price.discounted import discounted as discounted_flows
from handlers.price.floating import FloatingFlows
from handlers.price.floating_measures import DiscountedFloating, present_value
from handlers.price.internal_rate import Weighted
from handlers.price.keyrates import product
from handlers.price.ladder import Paid, paid_by_day
from handlers.price.market import MarketData
from handlers.price.projection import ProjectedCoupons, payment_nodes, projected_coupons
from handlers.price.spreads import ZSpreads


@dataclass(frozen=True, slots=True)
class ProjectedFlows:
    """Payments of P positions, one for each day, position i's from `bounds[i]` to `bounds[i + 1]`: `amount` is F × S."""

    bounds: Ints
    owner: Ints
    date: Ints
    amount: Floats

    @classmethod
    def of(cls, priced: DiscountedFloating) -> ProjectedFlows:
        """What is known, and what the coupons still to be fixed come to at the rates that the curves give."""
        paid = payments(priced.flows)
        owner = np.repeat(np.arange(paid.bounds.size - 1), np.diff(paid.bounds))
        scenarios = priced.known.market.scenarios
        amount = np.repeat(paid.amount[:, None], scenarios, axis=1)
        coupons, leg = priced.coupons, priced.flows.leg
        if coupons is not None:
            chosen = priced.flows.projected()
            own, day = leg.periods.schedule.owner[chosen], leg.periods.payment[chosen]
            horizon = int(paid.date.max()) + 1
            row = np.searchsorted(owner * horizon + paid.date, own * horizon + day)
            growth = coupons.value / coupons.payments.discount[coupons.paid]
            amount += product(leg.notional[own], coupons.triple, row, growth, paid.date.size)
        return cls(paid.bounds, owner, paid.date, amount)


def payments(flows: FloatingFlows) -> Paid:
    """The days of payments, with what of their amounts does not hang on the market."""
    known = flows.known()
    return paid_by_day(known.accrued.size, known.owner, known.date, known.amount)[0]


def cash_flows(priced: DiscountedFloating) -> Floats:
    """What is paid on each day, at projected rates where they are not fixed (rows × S)."""
    return ProjectedFlows.of(priced).amount


def clean_price(priced: DiscountedFloating) -> Floats:
    """Present value without accrued interest, per 100 of notional (P × S)."""
    value = present_value(priced) - priced.flows.accrued[:, None]
    return value / priced.known.flows.terms.notional[:, None] * PER_CENT


def z_spread(priced: DiscountedFloating) -> Floats:
    """What added to the zero rates, but not to projected ones, gives the present value (P × S)."""
    return _z_spreads(priced).spread


def spread_dv01(priced: DiscountedFloating) -> Floats:
    """What a Z-spread 1 bp higher changes (P × S)."""
    return _z_spreads(priced).dv01()


def _z_spreads(priced: DiscountedFloating) -> ZSpreads:
    flows, known = ProjectedFlows.of(priced), priced.known
    nodes, place = known.market.curves.nodes(known.curve[flows.owner], flows.date)
    values = flows.amount * nodes.discount[place]
    ones, every = np.ones(flows.date.size), np.arange(flows.date.size)
    return ZSpreads.of(Weighted(flows.bounds, ones, nodes.time[place], values, every), present_value(priced))


def theta(priced: DiscountedFloating) -> Floats:
    """What a day that leaves every pillar's rate as it is adds, payments of that day included (P × S).

    Rates that are fixed today, and are not known yet, are fixed as they are projected today. Those of the next day are at
    their fixings if the market has these, as they are in the present value of that day.
    """
    flows, tomorrow = priced.flows, priced.known.market.next_day()
    leg = flows.leg
    today = np.isnan(leg.rate) & (leg.fixing_day <= flows.valuation)
    surprise = _fixed_tomorrow(priced)
    later = replace(flows, leg=replace(leg, rate=np.where(today, 0.0, np.where(np.isnan(surprise), leg.rate, surprise))))
    value = (discounted_flows if flows.has_credit else risk_free)(priced.known.flows, tomorrow).value
    coupons = projected_coupons(later, tomorrow)
    if coupons is not None:
        value = value + coupons.present_value()
    if priced.coupons is not None and today[flows.projected()].any():
        value = value + _at_todays_rates(priced, priced.coupons, today, tomorrow)
    known = np.flatnonzero(~np.isnan(surprise) & leg.is_due(flows.valuation))
    if known.size:
        value = value + _at_fixings(flows, known, surprise[known], tomorrow)
    return value - present_value(priced)


def _fixed_tomorrow(priced: DiscountedFloating) -> Floats:
    """The fixing of each period that is of the next day, and known already; NaN for all others."""
    leg = priced.flows.leg
    rate = np.full(leg.rate.size, np.nan)
    chosen = np.flatnonzero(leg.fixing_day == priced.flows.valuation + 1)
    if chosen.size:
        name = leg.index.name[leg.periods.schedule.owner[chosen]]
        rate[chosen] = priced.known.market.fixings.find(name, leg.fixing_day[chosen])
    return rate


def _at_fixings(flows: FloatingFlows, chosen: Ints, rate: Floats, market: MarketData) -> Floats:
    """What coupons are worth at these rates in a later market (P × S), but for what counts as known of projected ones."""
    leg = flows.leg
    owner = leg.periods.schedule.owner[chosen]
    left, nodes, place = payment_nodes(flows, market, owner, leg.periods.payment[chosen])
    amount = leg.notional[owner] * (1.0 + rate * leg.periods.years[chosen])
    return product(left * amount, place, owner, nodes.discount, leg.notional.size)


def _at_todays_rates(priced: DiscountedFloating, coupons: ProjectedCoupons, fixed: Bools, market: MarketData) -> Floats:
    """What the coupons at the rates fixed today are worth in a later market (P × S), but for what counts as known of them."""
    leg, projected = priced.flows.leg, priced.flows.projected()
    own = np.flatnonzero(fixed[projected])
    chosen = projected[own]
    owner = leg.periods.schedule.owner[chosen]
    left, nodes, place = payment_nodes(priced.flows, market, owner, leg.periods.payment[chosen])
    triple = coupons.triple[own]
    growth = coupons.value[triple] / coupons.payments.discount[coupons.paid[triple]]
    values = growth * nodes.discount[place]
    return product(left * leg.notional[owner], np.arange(own.size), owner, values, leg.notional.size)


PRICE_MEASURES = {"CLEAN_PRICE": clean_price, "Z_SPREAD": z_spread, "SPREAD_DV01": spread_dv01}
FLOW_MEASURES = {"THETA": theta, "CASHFLOWS": cash_flows}
