"""Values, yields, sensitivities and losses of cash flows: a sparse (positions × dates) matrix times discount factors.

Every sensitivity is the difference that its bump makes, never a derivative: DF · (exp(-bump · t) - 1) in place of
DF is exactly that, because rates are continuous.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from handlers.price.arrays import Floats, offsets
from handlers.price.cashflows import CashFlows
from handlers.price.curves import rate_bump
from handlers.price.discounted import PER_CENT, DiscountedFlows, discounted, outstanding
from handlers.price.keyrates import key_rates
from handlers.price.ladder import Paid, paid_by_day
from handlers.price.losses import AtRisk


def present_value(priced: DiscountedFlows) -> Floats:
    """Dirty, at the valuation date (P × S)."""
    return priced.value


def clean_price(priced: DiscountedFlows) -> Floats:
    """Present value without accrued interest, per 100 of what is outstanding (P × S)."""
    return (priced.value - priced.flows.accrued[:, None]) / outstanding(priced.flows)[:, None] * PER_CENT


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
    return priced.summed(priced.weights * priced.by_day(rate_bump))


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
