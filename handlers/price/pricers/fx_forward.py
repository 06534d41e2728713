"""FX_FWD: `notional` of the base currency bought at maturity for notional × strike of the quote currency."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Self

import numpy as np

from handlers.price.arrays import Bools, Floats, Ints, distinct, offsets
from handlers.price.currencies import pair_code, pair_currencies
from handlers.price.curves import Nodes
from handlers.price.fields import Column, currency, day, number
from handlers.price.keyrates import key_rates_of_values
from handlers.price.market import MarketData
from handlers.price.pricers.pricer import Pricer
from handlers.price.requirements import Requirements


@dataclass(frozen=True, slots=True)
class ForwardTerms:
    """Terms of P forwards; results are in the quote currency, which is why `currency` is that."""

    base: Ints
    currency: Ints
    notional: Floats
    strike: Floats
    maturity: Ints

    def take(self, chosen: Ints | slice) -> Self:
        """The terms of the chosen positions."""
        return type(self)(*(getattr(self, field.name)[chosen] for field in fields(self)))

    @property
    def sizes(self) -> Ints:
        """Two cash flows each."""
        return np.full(self.maturity.size, 2)


@dataclass(frozen=True, slots=True)
class Leg:
    """One payment of each forward: its signed value (P × S), the node of each on its curve, that curve's pillars (P)."""

    value: Floats
    nodes: Nodes
    place: Ints
    pillars: Ints


@dataclass(frozen=True, slots=True)
class DiscountedForwards:
    """Both legs in the quote currency, and what one unit of spot is worth (P × S)."""

    quote: Leg
    base: Leg
    delta: Floats


def _terms(columns: Mapping[str, Column]) -> ForwardTerms:
    names = ("base_currency", "quote_currency", "notional", "strike", "maturity_date")
    return ForwardTerms(*(columns[name] for name in names))


def _faults(terms: ForwardTerms) -> list[tuple[Bools, str]]:
    return [(terms.base == terms.currency, "quote_currency: must differ from base_currency")]


def _requirements(terms: ForwardTerms) -> Requirements:
    return Requirements(curves=(terms.currency, terms.base), spots=((terms.base, terms.currency),))


def _flows(terms: ForwardTerms, _valuation: int) -> ForwardTerms:
    return terms


def _accrued(terms: ForwardTerms) -> Floats:
    return np.zeros(terms.notional.size)


def _discounted(terms: ForwardTerms, market: MarketData) -> DiscountedForwards:
    notional = terms.notional[:, None]
    paid, quote_nodes, quote_place, quote_pillars = _discount(terms.currency, terms.maturity, market)
    delta, base_nodes, base_place, base_pillars = _discount(terms.base, terms.maturity, market)
    paid *= (-terms.strike * terms.notional)[:, None]
    delta *= notional
    return DiscountedForwards(
        Leg(paid, quote_nodes, quote_place, quote_pillars),
        Leg(delta * _spots(terms, market), base_nodes, base_place, base_pillars),
        delta,
    )


def _discount(code: Ints, maturity: Ints, market: MarketData) -> tuple[Floats, Nodes, Ints, Ints]:
    curve = market.curves.find(code)
    nodes, place = market.curves.nodes(curve, maturity)
    return nodes.discount[place], nodes, place, market.curves.pillar_counts(curve)


def _spots(terms: ForwardTerms, market: MarketData) -> Floats:
    pairs, place = distinct(pair_code(terms.base, terms.currency))
    spots = [market.spot(*pair_currencies(pair)) for pair in pairs.tolist()]
    return np.array(spots)[place]


def _present_value(priced: DiscountedForwards) -> Floats:
    return priced.base.value + priced.quote.value


def _dv01(priced: DiscountedForwards) -> Floats:
    """Both legs are paid on the same day, so both curves' bumps are the same factor."""
    bump = priced.quote.nodes.rate_bump()[priced.quote.place]
    return _present_value(priced) * bump[:, None]


def _fx_delta(priced: DiscountedForwards) -> Floats:
    return priced.delta


def _krd(priced: DiscountedForwards) -> Floats:
    """The quote curve's pillars, then the base curve's."""
    bounds = offsets(priced.quote.pillars + priced.base.pillars)
    first, rows = bounds[:-1], int(bounds[-1])
    sums = _pillar_changes(priced.quote, first, rows)
    sums += _pillar_changes(priced.base, first + priced.quote.pillars, rows)
    return sums


def _pillar_changes(leg: Leg, first: Ints, rows: int) -> Floats:
    return key_rates_of_values(leg.nodes, leg.place, leg.value, first, rows)


FX_FWD = Pricer(
    fields=(
        currency("base_currency"),
        currency("quote_currency"),
        number("notional"),
        number("strike"),
        day("maturity_date"),
    ),
    terms=_terms,
    faults=_faults,
    requirements=_requirements,
    flows=_flows,
    accrued=_accrued,
    discounted=_discounted,
    measures={"PV": _present_value, "DV01": _dv01, "KRD": _krd, "FX_DELTA": _fx_delta},
)
