"""Present value and sensitivities of positions with a floating leg: known payments, and coupons still to be fixed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from handlers.price import measures
from handlers.price.arrays import Floats, Ints, offsets
from handlers.price.discounted import DiscountedFlows, risk_free
from handlers.price.discounted import discounted as discounted_flows
from handlers.price.floating import FloatingFlows
from handlers.price.market import MarketData
from handlers.price.projection import ProjectedCoupons, projected_coupons


@dataclass(frozen=True, slots=True)
class DiscountedFloating:
    """P positions in a market; `projection_pillars` (P) counts those of their projection curves, 0 without one."""

    flows: FloatingFlows
    known: DiscountedFlows
    coupons: ProjectedCoupons | None
    projection_pillars: Ints


def discounted(flows: FloatingFlows, market: MarketData) -> DiscountedFloating:
    """`flows`, whose past fixings are known, on the curves of their currencies and indices."""
    known = (discounted_flows if flows.has_credit else risk_free)(flows.known(), market)
    pillars = market.projections.pillar_counts(market.projections.find(flows.leg.index.name))
    return DiscountedFloating(flows, known, projected_coupons(flows, market), pillars)


def present_value(priced: DiscountedFloating) -> Floats:
    """Dirty, at the valuation date (P × S)."""
    known = measures.present_value(priced.known)
    return known if priced.coupons is None else known + priced.coupons.present_value()


def dv01(priced: DiscountedFloating) -> Floats:
    """What every zero rate of every curve, discount and projection, 1 bp higher changes (P × S)."""
    known = measures.dv01(priced.known)
    return known if priced.coupons is None else known + priced.coupons.dv01()


def cs01(priced: DiscountedFloating) -> Floats:
    """What a credit spread 1 bp higher changes (P × S); unlike `dv01` it leaves the projected rates alone."""
    known = measures.cs01(priced.known)
    return known if priced.coupons is None else known + priced.coupons.cs01()


def krd(priced: DiscountedFloating) -> Floats:
    """What each pillar 1 bp higher changes: rows by position, then by pillar of the discount, then of the projection curve."""
    own, other = priced.known.pillars, priced.projection_pillars
    first = offsets(own + other)
    sums = np.zeros((int(first[-1]), priced.known.market.scenarios))
    sums[np.repeat(first[:-1] - offsets(own)[:-1], own) + np.arange(own.sum())] = measures.krd(priced.known)
    if priced.coupons is not None:
        _add_pillars(sums, first[:-1], own, priced.coupons.discount_pillar)
        _add_pillars(sums, first[:-1] + own, other, priced.coupons.projection_pillar)
    return sums


def _add_pillars(sums: Floats, first: Ints, counts: Ints, change: Callable[[int], Floats]) -> None:
    for pillar in range(int(counts.max())):
        holders = np.flatnonzero(counts > pillar)
        sums[first[holders] + pillar] += change(pillar)[holders]
