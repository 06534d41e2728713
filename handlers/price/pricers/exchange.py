"""Exchanges of known amounts of two currencies: what forwards and swaps are made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from handlers.price.arrays import Bools, Floats, Ints, distinct, offsets
from handlers.price.currencies import pair_code, pair_currencies
from handlers.price.curves import Nodes
from handlers.price.keyrates import add_key_rates
from handlers.price.ladder import Paid
from handlers.price.market import MarketData
from handlers.price.names import NOTHING
from handlers.price.requirements import Requirements


class CurrencyPairs(Protocol):
    """Terms of positions whose results are in the quote currency."""

    @property
    def base(self) -> Ints:
        """The base currencies."""

    @property
    def currency(self) -> Ints:
        """The quote currencies."""


def both_curves(terms: CurrencyPairs, _valuation: int) -> Requirements:
    """The curves of both currencies, and the spot between them."""
    return Requirements(curves=(terms.currency, terms.base), spots=((terms.base, terms.currency),))


@dataclass(frozen=True, slots=True)
class Payment:
    """One payment of each position: its signed value in the currency of the results (P × S), and its node on its curve.

    `curve` is 0 for the curve of the currency of the results, 1 for that of the other.
    """

    value: Floats
    nodes: Nodes
    place: Ints
    curve: int


@dataclass(frozen=True, slots=True)
class DiscountedExchange:
    """All payments of P positions, the number of pillars of the positions' two curves, and dPV / dspot (P × S).

    `tomorrow` works out what they are worth on the next day, with the payments of that day (P × S).
    """

    payments: tuple[Payment, ...]
    pillars: tuple[Ints, Ints]
    delta: Floats
    tomorrow: Callable[[], Floats]


@dataclass(frozen=True, slots=True)
class Discounting:
    """Discount factors (P × S) of days on the curves of P currencies; days that are over count as today."""

    nodes: Nodes
    place: Ints
    pillars: Ints

    @classmethod
    def of(cls, currency: Ints, day: Ints, market: MarketData) -> Discounting:
        """The curves of these currencies, which the market must have, at these days."""
        curve = market.curves.find(currency)
        nodes, place = market.curves.nodes(curve, np.maximum(day, market.curves.valuation))
        return cls(nodes, place, market.curves.pillar_counts(curve))

    @property
    def factors(self) -> Floats:
        """The discount factors, in an array of their own."""
        return self.nodes.discount[self.place]

    def payment(self, value: Floats, curve: int) -> Payment:
        """The payment of what is worth `value`, its discount factor included."""
        return Payment(value, self.nodes, self.place, curve)


def spots(base: Ints, quote: Ints, market: MarketData) -> Floats:
    """Units of `quote` for one of `base` (P × S); the market must have them."""
    pairs, place = distinct(pair_code(base, quote))
    found = [market.spot(*pair_currencies(pair)) for pair in pairs.tolist()]
    return np.array(found)[place]


def exchanged(terms: CurrencyPairs, day: Ints, bought: Floats, cost: Floats, market: MarketData) -> DiscountedExchange:
    """`bought` of the base currency for `cost` of the quote currency on `day` (P each); once that is over, nothing."""
    ahead = day > market.curves.valuation
    return _valued(terms, day, np.where(ahead, bought, 0.0), np.where(ahead, cost, 0.0), market)


def _valued(terms: CurrencyPairs, day: Ints, bought: Floats, cost: Floats, market: MarketData) -> DiscountedExchange:
    quote, base = Discounting.of(terms.currency, day, market), Discounting.of(terms.base, day, market)
    paid, delta = quote.factors, base.factors
    paid *= -cost[:, None]
    delta *= bought[:, None]
    received = delta * spots(terms.base, terms.currency, market)
    return DiscountedExchange(
        payments=(base.payment(received, 1), quote.payment(paid, 0)),
        pillars=(quote.pillars, base.pillars),
        delta=delta,
        tomorrow=lambda: present_value(_valued(terms, day, bought, cost, market.a_day_later())),
    )


def exchanges(base: Ints, day: Ints, bought: Floats, cost: Floats, ahead: Bools) -> Paid:
    """What L exchanges of P positions pay in both currencies, of those that lie `ahead` (P × L each, days ascending)."""
    legs = day.shape[1]
    other = np.column_stack([np.full_like(base, NOTHING)] * legs + [base] * legs)
    amounts, both = np.column_stack((-cost, bought)), np.tile(ahead, 2)
    return Paid(offsets(both.sum(axis=1)), np.tile(day, 2)[both], amounts[both], other[both])


def together(near: DiscountedExchange, far: DiscountedExchange) -> DiscountedExchange:
    """Two exchanges of the same positions as one."""
    return DiscountedExchange(
        payments=near.payments + far.payments,
        pillars=far.pillars,
        delta=near.delta + far.delta,
        tomorrow=lambda: near.tomorrow() + far.tomorrow(),
    )


def present_value(priced: DiscountedExchange) -> Floats:
    """The sum of all payments (P × S)."""
    first, second, *others = priced.payments
    value = first.value + second.value
    for payment in others:
        value += payment.value
    return value


def dv01(priced: DiscountedExchange) -> Floats:
    """What every zero rate of both curves 1 bp higher changes (P × S)."""
    change = np.zeros_like(priced.delta)
    for payment in priced.payments:
        change += payment.value * payment.nodes.rate_bump()[payment.place][:, None]
    return change


def fx_delta(priced: DiscountedExchange) -> Floats:
    """What one unit of the spot changes (P × S)."""
    return priced.delta


def krd(priced: DiscountedExchange) -> Floats:
    """What each pillar 1 bp higher changes: those of the results' currency's curve, then those of the other's."""
    first, second = priced.pillars
    rows = offsets(first + second)
    sums = np.zeros((int(rows[-1]), priced.delta.shape[1]))
    for payment in priced.payments:
        add_key_rates(sums, payment.nodes, payment.place, payment.value, rows[:-1] + first * payment.curve)
    return sums


def theta(priced: DiscountedExchange) -> Floats:
    """What the next day changes (P × S); its payments count in full."""
    return priced.tomorrow() - present_value(priced)


MEASURES = {"PV": present_value, "DV01": dv01, "KRD": krd, "FX_DELTA": fx_delta, "THETA": theta}
