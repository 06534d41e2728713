"""FX_FWD: `notional` of the base currency bought at maturity for notional × strike of the quote currency."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from handlers.price.arrays import Bools, Columnar, Floats, Ints
from handlers.price.fields import Column, currency, day, number
from handlers.price.ladder import Paid
from handlers.price.market import MarketData
from handlers.price.pricers.exchange import MEASURES, DiscountedExchange, both_curves, exchanged, exchanges
from handlers.price.pricers.pricer import Pricer


@dataclass(frozen=True, slots=True)
class ForwardTerms(Columnar):
    """Terms of P forwards; results are in the quote currency, which is why `currency` is that."""

    base: Ints
    currency: Ints
    notional: Floats
    strike: Floats
    maturity: Ints

    @property
    def sizes(self) -> Ints:
        """Two cash flows each."""
        return np.full(self.maturity.size, 2)


def _terms(columns: Mapping[str, Column]) -> ForwardTerms:
    names = ("base_currency", "quote_currency", "notional", "strike", "maturity_date")
    return ForwardTerms(*(columns[name] for name in names))


def _faults(terms: ForwardTerms) -> list[tuple[Bools, str]]:
    return [(terms.base == terms.currency, "quote_currency: must differ from base_currency")]


def _discounted(terms: ForwardTerms, market: MarketData) -> DiscountedExchange:
    return exchanged(terms, terms.maturity, terms.notional, terms.notional * terms.strike, market)


def _payments(terms: ForwardTerms) -> Paid:
    """Both amounts at maturity, which is still to come."""
    day, bought = terms.maturity[:, None], terms.notional[:, None]
    return exchanges(terms.base, day, bought, bought * terms.strike[:, None], np.ones_like(day, dtype=np.bool_))


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
    requirements=both_curves,
    discounted=_discounted,
    measures=MEASURES,
    payments=_payments,
)
