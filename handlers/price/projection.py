"""Floating coupons that are still to be fixed: forward rates from projection curves, discounted.

A coupon of the forward rate L over [s, e], paid at p, is worth N · (P(s) / P(e) - 1) · DF(p): L times its year fraction is
P(s) / P(e) - 1, P being discount factors of the projection curve. The market enters by DF(p) · P(s) / P(e) alone, which is
worked out once for all coupons with the same three points; -N · DF(p) counts among known payments.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from handlers.price.arrays import Floats, Ints, distinct, offsets
from handlers.price.credit import credit_nodes
from handlers.price.curves import BASIS_POINT, Nodes
from handlers.price.floating import FloatingFlows
from handlers.price.keyrates import segment_product
from handlers.price.market import MarketData
from handlers.price.names import NOTHING

Bump = Callable[[Nodes], Floats]


@dataclass(frozen=True, slots=True)
class Points:
    """N points from which rates are projected, those on projection curves after those on discount curves.

    An index that has no projection curve is projected from the discount curve of its currency.
    """

    on_discount: Nodes | None
    on_projection: Nodes | None

    @classmethod
    def of(cls, market: MarketData, discount: Ints, projection: Ints, day: Ints) -> tuple[Points, Ints]:
        """The points of these days on the curve `projection` if that is one, else `discount`; and the place of each."""
        place = np.zeros(day.size, dtype=np.int64)
        own, other = np.flatnonzero(projection == NOTHING), np.flatnonzero(projection != NOTHING)
        on_discount, on_projection = None, None
        if own.size:
            on_discount, place[own] = market.curves.nodes(discount[own], day[own])
        if other.size:
            on_projection, place[other] = market.projections.nodes(projection[other], day[other])
            place[other] += 0 if on_discount is None else on_discount.time.size
        return cls(on_discount, on_projection), place

    def stacked(self, own: Bump, other: Bump) -> Floats:
        """What `own` makes of the points on discount curves, above what `other` makes of those on projection curves."""
        parts = ((own, self.on_discount), (other, self.on_projection))
        return np.concatenate([make(nodes) for make, nodes in parts if nodes is not None])


@dataclass(frozen=True, slots=True)
class ProjectedCoupons:
    """C coupons of P positions: position i owns the coupons `bounds[i]` to `bounds[i + 1]`.

    Each is worth its weight times the `value` (K × S) of its `triple`: the nodes `paid` of its payment, and the points `start`
    and `end` of its period.
    """

    bounds: Ints
    weights: Floats
    triple: Ints
    payments: Nodes
    points: Points
    paid: Ints
    start: Ints
    end: Ints
    value: Floats

    def present_value(self) -> Floats:
        return self._summed(self.weights)

    def dv01(self) -> Floats:
        """What every zero rate of every curve 1 bp higher changes (P × S)."""
        time = self.points.stacked(_time, _time)
        return self._bumped(self.payments.time[self.paid] + time[self.start] - time[self.end])

    def cs01(self) -> Floats:
        """What a credit spread 1 bp higher changes (P × S); rates are projected without it."""
        return self._bumped(self.payments.time[self.paid])

    def discount_pillar(self, pillar: int) -> Floats:
        """What that pillar of every discount curve 1 bp higher changes (P × S)."""
        points = self.points.stacked(lambda nodes: nodes.bumped(pillar), _discount)
        return self._difference(self.payments.bumped(pillar), points)

    def projection_pillar(self, pillar: int) -> Floats:
        """What that pillar of every projection curve 1 bp higher changes (P × S)."""
        points = self.points.stacked(_discount, lambda nodes: nodes.bumped(pillar))
        return self._difference(self.payments.discount, points)

    def _summed(self, weights: Floats) -> Floats:
        return segment_product(weights, self.triple, self.bounds, self.value)

    def _bumped(self, time: Floats) -> Floats:
        return self._summed(self.weights * np.expm1(-BASIS_POINT * time)[self.triple])

    def _difference(self, payments: Floats, points: Floats) -> Floats:
        """What other discount factors change; only triples with a point that moves are worked out again."""
        before = self.points.stacked(_discount, _discount)
        paid, moved = (payments != self.payments.discount).any(axis=1), (points != before).any(axis=1)
        touched = paid[self.paid] | moved[self.start] | moved[self.end]
        some, chosen = np.flatnonzero(touched), np.flatnonzero(touched[self.triple])
        number = np.cumsum(touched) - 1
        owners = np.repeat(np.arange(self.bounds.size - 1), np.diff(self.bounds))[chosen]
        bounds = offsets(np.bincount(owners, minlength=self.bounds.size - 1))
        gain = _growth(payments, points, self.paid[some], self.start[some], self.end[some]) - self.value[some]
        return segment_product(self.weights[chosen], number[self.triple[chosen]], bounds, gain)


def projected_coupons(flows: FloatingFlows, market: MarketData) -> ProjectedCoupons | None:
    """The coupons of these positions that are still to be fixed, on the curves that the market has; None if there are none."""
    leg, chosen = flows.leg, flows.projected()
    if not chosen.size:
        return None
    periods, owner = leg.periods, leg.periods.schedule.owner[chosen]
    weights, payments, place = payment_nodes(flows, market, owner, periods.payment[chosen])
    discount, projection = market.curves.find(flows.terms.currency)[owner], market.projections.find(leg.index.name)[owner]
    days = np.concatenate((periods.schedule.start[chosen], periods.schedule.end[chosen]))
    points, places = Points.of(market, np.tile(discount, 2), np.tile(projection, 2), days)
    start, end = np.split(places, 2)
    count = int(places.max()) + 1
    keys, triple = distinct((place * count + start) * count + end)
    paid, pair = np.divmod(keys, count * count)
    start, end = np.divmod(pair, count)
    factors = points.stacked(_discount, _discount)
    value = _growth(payments.discount, factors, paid, start, end)
    bounds = offsets(np.bincount(owner, minlength=leg.notional.size))
    return ProjectedCoupons(bounds, weights * leg.notional[owner], triple, payments, points, paid, start, end, value)


def payment_nodes(flows: FloatingFlows, market: MarketData, owner: Ints, day: Ints) -> tuple[Floats, Nodes, Ints]:
    """What the position's own spread leaves of payments, and their nodes."""
    terms = flows.terms
    curve = market.curves.find(terms.currency)[owner]
    if not flows.has_credit:
        return np.ones(day.size), *market.curves.nodes(curve, day)
    credit = market.spreads.find_first(terms.issuer, terms.rating)[owner]
    nodes, place = credit_nodes(market, curve, credit, day)
    return np.exp(-terms.credit_spread[owner] * nodes.time[place]), nodes, place


def _growth(payments: Floats, points: Floats, paid: Ints, start: Ints, end: Ints) -> Floats:
    value = payments[paid]
    value *= points[start]
    value /= points[end]
    return value


def _time(nodes: Nodes) -> Floats:
    return nodes.time


def _discount(nodes: Nodes) -> Floats:
    return nodes.discount
