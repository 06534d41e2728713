"""FX_SWAP: `notional` of the base currency bought at the near strike on the near date, sold at the far strike on the far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from handlers.price.arrays import Bools, Columnar, Floats, Ints
from handlers.price.fields import Column, currency, day, number
from handlers.price.ladder import Paid
from handlers.price.market import MarketData
from handlers.price.pricers.exchange import MEASURES, DiscountedExchange, both_curves, exchanged, exchanges, together
from handlers.price.pricers.pricer import Pricer


@dataclass(frozen=True, slots=True)
class SwapTerms(Columnar):
    """Terms of P swaps; results are in the quote currency, which is why `currency` is that, and the far date is `maturity`."""

    base: Ints
    currency: Ints
    notional: Floats
    near: Ints
    near_strike: Floats
    maturity: Ints
    far_strike: Floats

    @property
    def sizes(self) -> Ints:
        """Two cash flows on each of two days."""
        return np.full(self.maturity.size, 4)


def _terms(columns: Mapping[str, Column]) -> SwapTerms:
    names = ("base_currency", "quote_currency", "notional", "near_date", "near_strike", "far_date", "far_strike")
    return SwapTerms(*(columns[name] for name in names))


def _faults(terms: SwapTerms) -> list[tuple[Bools, str]]:
    return [
        (terms.base == terms.currency, "quote_currency: must differ from base_currency"),
        (terms.maturity <= terms.near, "far_date: must be after near_date"),
    ]


@dataclass(frozen=True, slots=True)
class SwapFlows:
    """What P swaps exchange after the valuation date."""

    terms: SwapTerms
    valuation: int


def _payments(flows: SwapFlows) -> Paid:
    terms, bought = flows.terms, flows.terms.notional
    days = np.column_stack((terms.near, terms.maturity))
    cost = np.column_stack((bought * terms.near_strike, -bought * terms.far_strike))
    return exchanges(terms.base, days, np.column_stack((bought, -bought)), cost, days > flows.valuation)


def _discounted(flows: SwapFlows, market: MarketData) -> DiscountedExchange:
    terms = flows.terms
    near = exchanged(terms, terms.near, terms.notional, terms.notional * terms.near_strike, market)
    far = exchanged(terms, terms.maturity, -terms.notional, -terms.notional * terms.far_strike, market)
    return together(near, far)


FX_SWAP = Pricer(
    fields=(
        currency("base_currency"),
        currency("quote_currency"),
        number("notional"),
        day("near_date"),
        number("near_strike"),
        day("far_date"),
        number("far_strike"),
    ),
    terms=_terms,
    faults=_faults,
    requirements=both_curves,
    flows=SwapFlows,
    accrued=lambda flows: np.zeros(flows.terms.notional.size),
    discounted=_discounted,
    measures=MEASURES,
    payments=_payments,
)
