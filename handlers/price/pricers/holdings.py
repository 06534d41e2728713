"""CASH and EQUITY: what is held without an end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from handlers.price.arrays import Bools, Columnar, Floats, Ints, distinct
from handlers.price.fields import Column, currency, name, number
from handlers.price.market import MarketData
from handlers.price.names import NOTHING
from handlers.price.pricers.pricer import Pricer
from handlers.price.requirements import Requirements

# After every valuation date.
_NEVER = 2**31


@dataclass(frozen=True, slots=True)
class HoldingTerms(Columnar):
    """P holdings: so many units of a share (`equity` is its name code), or of the currency itself (`NOTHING`)."""

    currency: Ints
    units: Floats
    equity: Ints

    @property
    def maturity(self) -> Ints:
        """Never."""
        return np.full(self.units.size, _NEVER)

    @property
    def sizes(self) -> Ints:
        """One value each."""
        return np.ones(self.units.size, dtype=np.int64)


def _cash_terms(columns: Mapping[str, Column]) -> HoldingTerms:
    notional = columns["notional"]
    return HoldingTerms(columns["currency"], notional, np.full(notional.size, NOTHING))


def _equity_terms(columns: Mapping[str, Column]) -> HoldingTerms:
    return HoldingTerms(columns["currency"], columns["quantity"], columns["equity"])


def _faults(_terms: HoldingTerms) -> list[tuple[Bools, str]]:
    return []


def _requirements(terms: HoldingTerms, _valuation: int) -> Requirements:
    return Requirements(equities=((terms.equity, terms.currency),))


def _discounted(terms: HoldingTerms, market: MarketData) -> Floats:
    """The value of each holding (P × S)."""
    shares, place = distinct(terms.equity)
    one = np.ones(market.scenarios)
    prices = [one if share == NOTHING else market.equities[share].price for share in shares.tolist()]
    return terms.units[:, None] * np.array(prices)[place]


def _present_value(value: Floats) -> Floats:
    return value


def _nothing(value: Floats) -> Floats:
    """No rate moves a holding, and no day."""
    return np.zeros_like(value)


CASH = Pricer(
    fields=(currency("currency"), number("notional")),
    terms=_cash_terms,
    faults=_faults,
    requirements=_requirements,
    discounted=_discounted,
    measures={"PV": _present_value, "DV01": _nothing, "THETA": _nothing},
)
EQUITY = Pricer(
    fields=(name("equity"), currency("currency"), number("quantity")),
    terms=_equity_terms,
    faults=_faults,
    requirements=_requirements,
    discounted=_discounted,
    measures=CASH.measures,
)
