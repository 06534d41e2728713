"""What credit default swaps are worth: integrals over distinct spans of time, which sparse matrices hand out to positions.

Source: the formulas of the ISDA CDS Standard Model, as R. White restates them, "The Pricing and Risk Management of Credit
Default Swaps, with a Focus on the ISDA Model", OpenGamma (2013).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.sparse import csr_array

from handlers.price.arrays import Bools, Floats, Ints, distinct, offsets
from handlers.price.curves import Curves, Nodes
from handlers.price.default_swap import Premiums, Spans, premiums, spans
from handlers.price.interpolation import FLAT_FORWARD, LOG_LINEAR_DF
from handlers.price.market import MarketData

# Cells of one matrix of spans × scenarios that are worked on at once.
_CELLS = 1_000_000

# Below this the series is more exact than the difference that it stands for.
_SMALL_DECAY = 1e-2

_WEEK = 7


@dataclass(frozen=True, slots=True)
class Points:
    """Distinct days on curves: their nodes, and the place among them of each of several lists of days."""

    nodes: Nodes
    places: tuple[Ints, ...]

    @classmethod
    def of(cls, curves: Curves, *lists: tuple[Ints, Ints]) -> Self:
        """`lists` of curve and day."""
        curve, days = (np.concatenate(parts) for parts in zip(*lists, strict=True))
        nodes, place = curves.nodes(curve, days)
        return cls(nodes, tuple(np.split(place, offsets(np.array([part.size for part, _ in lists]))[1:-1])))


@dataclass(frozen=True, slots=True)
class Cells:
    """Distinct days, or spans, on N pairs of curves: the pair, the days from the valuation on, and the place of each."""

    pair: Ints
    days: tuple[Ints, ...]
    place: Ints

    @classmethod
    def of(cls, pair: Ints, *days: Ints) -> Self:
        horizon = max((int(each.max(initial=0)) for each in days), default=0) + 1
        keys = pair
        for each in days:
            keys = keys * horizon + each
        found, place = distinct(keys)
        decoded: tuple[Ints, ...] = ()
        for _ in days:
            found, last = np.divmod(found, horizon)
            decoded = (last, *decoded)
        return cls(found, decoded, place)

    def matrix(self, owner: Ints, value: Floats, positions: int) -> csr_array:
        """The values of all, whose owners ascend: positions × distinct cells."""
        bounds = offsets(np.bincount(owner, minlength=positions))
        shape = (positions, self.pair.size)
        return csr_array((value, self.place.astype(np.int32), bounds.astype(np.int32)), shape=shape)


@dataclass(frozen=True, slots=True)
class PricedSwaps:
    """P swaps as sparse matrices over distinct spans, premiums and upfront payments, and where these lie on the curves.

    `discount` has the places of the first and the last days of spans, of premiums and of upfront payments; `survival` those of
    the first and the last days of spans, and of the days before premiums. `days` is how long the spans are, `pillars` (P) how
    many each position's discount curve has; `flows` and `market` are what it was made of.
    """

    flows: Premiums
    market: MarketData
    base: csr_array
    slope: csr_array
    premium: csr_array
    upfront: csr_array
    days: Floats
    discount: Points
    survival: Points
    pillars: Ints

    def value(self, discount: Floats, survival: Floats) -> Floats:
        """The swaps (P × S) at these discount factors and survival probabilities of the points."""
        width = max(1, _CELLS // max(1, self.days.size))
        pieces = [slice(first, first + width) for first in range(0, discount.shape[1], width)]
        return np.concatenate([self._value(discount[:, piece], survival[:, piece]) for piece in pieces], axis=1)

    def _value(self, discount: Floats, survival: Floats) -> Floats:
        first, last, paid, upfront = (discount[place] for place in self.discount.places)
        alive_first, alive_last, alive_paid = (survival[place] for place in self.survival.places)
        level, moment = default_integrals(first, last, alive_first, alive_last, self.days)
        value = self.base @ level + self.slope @ moment + self.premium @ (paid * alive_paid) + self.upfront @ upfront
        return np.asarray(value)


def discounted(flows: Premiums, market: MarketData) -> PricedSwaps:
    """`flows` on their currencies' and their issuers' (else ratings') curves, which the market must have."""
    terms, today = flows.terms, flows.valuation
    curve = market.curves.find(terms.currency)
    hazard = market.hazards.find_first(terms.issuer, terms.rating)
    pair = curve * market.hazards.codes.size + hazard
    cut = _cut(flows, market, curve, hazard)
    due = np.flatnonzero((terms.upfront != 0.0) & (terms.upfront_date > today))
    spanned = Cells.of(pair[cut.owner], cut.first - today, cut.last - today)
    paid = Cells.of(pair[flows.owner], flows.payment - today)
    upfront = Cells.of(pair[due], terms.upfront_date[due] - today)
    discount, survival = _points(market, spanned, paid, upfront)
    positions, first, last = terms.end.size, *spanned.days
    return PricedSwaps(
        flows=flows,
        market=market,
        base=spanned.matrix(cut.owner, cut.base, positions),
        slope=spanned.matrix(cut.owner, cut.slope, positions),
        premium=paid.matrix(flows.owner, flows.amount, positions),
        upfront=upfront.matrix(due, (-terms.notional * terms.upfront)[due], positions),
        days=(last - first).astype(np.float64),
        discount=discount,
        survival=survival,
        pillars=market.curves.pillar_counts(curve),
    )


def _cut(flows: Premiums, market: MarketData, curve: Ints, hazard: Ints) -> Spans:
    """The spans between the pillars of both curves, and between weeks where a curve is not log-linear between its pillars."""
    smooth = _is_log_linear(market.curves, curve) & _is_log_linear(market.hazards, hazard)
    cuts = (
        _ragged(market.curves.bounds[curve], market.curves.pillar_counts(curve)),
        _ragged(market.hazards.bounds[hazard], market.hazards.pillar_counts(hazard)),
        _ragged(np.ones_like(curve), np.where(smooth, 0, (flows.terms.maturity - flows.valuation) // _WEEK)),
    )
    days = market.curves.pillars[cuts[0][1]], market.hazards.pillars[cuts[1][1]], flows.valuation + _WEEK * cuts[2][1]
    return spans(flows, np.concatenate([owner for owner, _ in cuts]), np.concatenate(days))


def _is_log_linear(curves: Curves, curve: Ints) -> Bools:
    return np.isin(curves.methods[curve], (LOG_LINEAR_DF, FLAT_FORWARD))


def _points(market: MarketData, spanned: Cells, paid: Cells, upfront: Cells) -> tuple[Points, Points]:
    """Where they lie on the discount curves and on the hazard curves."""
    today, hazards = market.curves.valuation, market.hazards.codes.size
    first, last, payment, due = (each + today for each in (*spanned.days, *paid.days, *upfront.days))
    (curve, hazard), (paid_curve, paid_hazard) = np.divmod(spanned.pair, hazards), np.divmod(paid.pair, hazards)
    discount = Points.of(market.curves, (curve, first), (curve, last), (paid_curve, payment), (upfront.pair // hazards, due))
    return discount, Points.of(market.hazards, (hazard, first), (hazard, last), (paid_hazard, payment - 1))


def _ragged(first: Ints, counts: Ints) -> tuple[Ints, Ints]:
    """Of each position so many numbers from its first one on: the position, and the number."""
    bounds = offsets(counts)
    return np.repeat(np.arange(counts.size), counts), np.repeat(first - bounds[:-1], counts) + np.arange(bounds[-1])


def default_integrals(
    discount_first: Floats, discount_last: Floats, survival_first: Floats, survival_last: Floats, days: Floats
) -> tuple[Floats, Floats]:
    """∫ DF · (-dQ) and ∫ (t - first) · DF · (-dQ) over spans (N × S), t in days, each `days` (N) long.

    Exact where the forward rate and the hazard rate are constant within the span: there ln DF and ln Q are linear.
    """
    hazard = np.log(survival_first / survival_last)
    decay = np.log(discount_first / discount_last) + hazard
    mass = discount_first * survival_first * hazard
    level, moment = _decay_means(decay)
    return mass * level, mass * moment * days[:, None]


def _decay_means(decay: Floats) -> tuple[Floats, Floats]:
    """∫ exp(-x u) du and ∫ u exp(-x u) du over u from 0 to 1."""
    x = np.where(decay == 0.0, 1.0, decay)
    level = np.where(decay == 0.0, 1.0, -np.expm1(-x) / x)
    series = 1 / 2 - decay * (1 / 3 - decay * (1 / 8 - decay * (1 / 30 - decay * (1 / 144 - decay / 840))))
    moment = np.where(np.abs(decay) < _SMALL_DECAY, series, (level - np.exp(-x)) / x)
    return level, moment


def present_value(priced: PricedSwaps) -> Floats:
    return priced.value(priced.discount.nodes.discount, priced.survival.nodes.discount)


def dv01(priced: PricedSwaps) -> Floats:
    """The hazard curve stays as it is."""
    nodes = priced.discount.nodes
    bumped = nodes.discount * (1.0 + nodes.rate_bump())[:, None]
    return priced.value(bumped, priced.survival.nodes.discount) - present_value(priced)


def cs01(priced: PricedSwaps) -> Floats:
    """Every hazard rate 1 bp higher."""
    nodes = priced.survival.nodes
    bumped = nodes.discount * (1.0 + nodes.rate_bump())[:, None]
    return priced.value(priced.discount.nodes.discount, bumped) - present_value(priced)


def krd(priced: PricedSwaps) -> Floats:
    rows = offsets(priced.pillars)
    before = present_value(priced)
    sums = np.zeros((int(rows[-1]), before.shape[1]))
    for pillar in range(int(priced.pillars.max())):
        having = np.flatnonzero(priced.pillars > pillar)
        change = priced.value(priced.discount.nodes.bumped(pillar), priced.survival.nodes.discount) - before
        sums[rows[having] + pillar] = change[having]
    return sums


def theta(priced: PricedSwaps) -> Floats:
    """What the next day changes if the issuer lives through it (P × S); payments of that day count in full."""
    flows, before = priced.flows, present_value(priced)
    terms, day = flows.terms, flows.valuation + 1
    paid = np.bincount(flows.owner, np.where(flows.payment == day, flows.amount, 0.0), minlength=terms.end.size)
    paid -= np.where(terms.upfront_date == day, terms.notional * terms.upfront, 0.0)
    change = paid[:, None] - before
    left = np.flatnonzero(terms.maturity > day)
    if left.size:
        change[left] += present_value(discounted(premiums(terms.take(left), day), priced.market.a_day_later()))
    return change
