"""NDF: a forward of which the difference between the fixing and the strike is paid in one of the two currencies.

The fixing is the rate for value at maturity, so that it is expected to be the forward rate of that day.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from handlers.price.arrays import Bools, Columnar, Floats, Ints, offsets
from handlers.price.currencies import pair_code
from handlers.price.fields import Column, currency, day, number
from handlers.price.ladder import Paid
from handlers.price.market import MarketData
from handlers.price.pricers.exchange import MEASURES, DiscountedExchange, Discounting, present_value, spots
from handlers.price.pricers.pricer import Pricer
from handlers.price.requirements import PastFixings, Requirements


@dataclass(frozen=True, slots=True)
class FixedForwardTerms(Columnar):
    """Terms of P forwards; results are in the currency of settlement, which is why `currency` is that."""

    base: Ints
    quote: Ints
    currency: Ints
    notional: Floats
    strike: Floats
    fixing: Ints
    maturity: Ints

    @property
    def sizes(self) -> Ints:
        """Two cash flows each, before the fixing."""
        return np.full(self.maturity.size, 2)

    @property
    def in_base(self) -> Bools:
        """Which are settled in their base currency."""
        in_base: Bools = self.currency == self.base
        return in_base

    @property
    def other(self) -> Ints:
        """The currency that is not paid."""
        return np.where(self.in_base, self.quote, self.base)


def _terms(columns: Mapping[str, Column]) -> FixedForwardTerms:
    currencies = ("base_currency", "quote_currency", "settlement_currency")
    return FixedForwardTerms(*(columns[name] for name in (*currencies, "notional", "strike", "fixing_date", "maturity_date")))


def _faults(terms: FixedForwardTerms) -> list[tuple[Bools, str]]:
    third = (terms.currency != terms.base) & (terms.currency != terms.quote)
    return [
        (terms.base == terms.quote, "quote_currency: must differ from base_currency"),
        (third, "settlement_currency: must be base_currency or quote_currency"),
        (terms.fixing > terms.maturity, "fixing_date: must not be after maturity_date"),
    ]


def _requirements(terms: FixedForwardTerms, valuation: int) -> Requirements:
    past = np.flatnonzero(terms.fixing < valuation)
    pair = pair_code(terms.base, terms.quote)
    return Requirements(
        curves=(terms.currency, terms.other),
        spots=((terms.base, terms.quote),),
        fixings=(PastFixings(past, pair[past], terms.fixing[past]),),
    )


def _discounted(terms: FixedForwardTerms, market: MarketData) -> DiscountedExchange:
    """What is paid and the other currency's side of it, converted at the fixing once that is known, before at the forward."""
    own, other = Discounting.of(terms.currency, terms.maturity, market), Discounting.of(terms.other, terms.maturity, market)
    paid, against = terms.notional * -terms.strike, terms.notional
    paid, against = np.where(terms.in_base, against, paid), np.where(terms.in_base, paid, against)
    fixed = _fixed(terms, market)
    is_open = np.isnan(fixed)
    paid = np.where(is_open, paid, paid + against * fixed)
    against = np.where(is_open, against, 0.0)
    spot = spots(terms.other, terms.currency, market)
    units = against[:, None] * other.factors
    return DiscountedExchange(
        payments=(own.payment(paid[:, None] * own.factors, 0), other.payment(units * spot, 1)),
        pillars=(own.pillars, other.pillars),
        delta=_delta(terms, units, spot),
        tomorrow=lambda: present_value(_discounted(terms, market.a_day_later())),
    )


def _fixed(terms: FixedForwardTerms, market: MarketData) -> Floats:
    """Units of the settlement currency for one of the other, as fixed (P); NaN where that is still to come."""
    found = market.fixings.find(pair_code(terms.base, terms.quote), terms.fixing)
    found[terms.fixing > market.curves.valuation] = np.nan
    return np.where(terms.in_base, 1.0 / found, found)


def _delta(terms: FixedForwardTerms, units: Floats, spot: Floats) -> Floats:
    """By the spot as base and quote have it, so by the inverse of `spot` where the base currency is settled."""
    return np.where(terms.in_base[:, None], -units * spot * spot, units)


def _payments(terms: FixedForwardTerms) -> Paid:
    """The days of settlement; how much is paid hangs on the fixing."""
    return Paid(offsets(np.ones_like(terms.maturity)), terms.maturity, np.zeros(terms.maturity.size))


def _settled(priced: DiscountedExchange) -> Floats:
    """What is paid at maturity: at the fixing, at the forward rate while that is still to come (P × S)."""
    own = priced.payments[0]
    return present_value(priced) / own.nodes.discount[own.place]


NDF = Pricer(
    fields=(
        currency("base_currency"),
        currency("quote_currency"),
        currency("settlement_currency"),
        number("notional"),
        number("strike"),
        day("fixing_date"),
        day("maturity_date"),
    ),
    terms=_terms,
    faults=_faults,
    requirements=_requirements,
    discounted=_discounted,
    measures=MEASURES | {"CASHFLOWS": _settled},
    payments=_payments,
)
