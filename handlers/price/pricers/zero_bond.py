"""ZERO_BOND: the notional at maturity, and nothing before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from operator import attrgetter

import numpy as np

from handlers.price.arrays import Bools, Columnar, Floats, Ints
from handlers.price.cashflows import CREDIT_FIELDS, CashFlows
from handlers.price.daterules import PAYMENT_FIELDS, DateRules
from handlers.price.discounted import discounted
from handlers.price.fields import Column, currency, day, number
from handlers.price.measures import PRICE_MEASURES, payments
from handlers.price.pricers.pricer import Pricer, own_curve


@dataclass(frozen=True, slots=True)
class ZeroBondTerms(Columnar):
    """Terms of P zero-coupon bonds; `maturity` is the day of payment."""

    currency: Ints
    notional: Floats
    maturity: Ints
    credit_spread: Floats
    issuer: Ints
    rating: Ints
    rules: DateRules

    @property
    def sizes(self) -> Ints:
        """One cash flow each."""
        return np.ones(self.maturity.size, dtype=np.int64)


def _terms(columns: Mapping[str, Column]) -> ZeroBondTerms:
    rules = DateRules.of(columns)
    maturity = rules.payment_dates(columns["maturity_date"])
    return ZeroBondTerms(
        currency=columns["currency"],
        notional=columns["notional"],
        maturity=maturity,
        credit_spread=columns["credit_spread"],
        issuer=columns["issuer"],
        rating=columns["rating"],
        rules=rules,
    )


def _faults(terms: ZeroBondTerms) -> list[tuple[Bools, str]]:
    return terms.rules.faults()


def _flows(terms: ZeroBondTerms, valuation: int) -> CashFlows:
    count = terms.maturity.size
    return CashFlows.after(valuation, terms, np.arange(count), terms.maturity, terms.notional, np.zeros(count))


ZERO_BOND = Pricer(
    fields=(
        currency("currency"),
        number("notional"),
        day("maturity_date"),
        *CREDIT_FIELDS,
        *PAYMENT_FIELDS,
    ),
    terms=_terms,
    faults=_faults,
    requirements=own_curve,
    flows=_flows,
    accrued=attrgetter("accrued"),
    discounted=discounted,
    measures=PRICE_MEASURES,
    payments=payments,
)
