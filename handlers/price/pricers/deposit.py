"""DEPOSIT: the notional placed at the start, and repaid at maturity with simple interest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from operator import attrgetter

import numpy as np

from handlers.price.arrays import Bools, Columnar, Floats, Ints
from handlers.price.cashflows import CREDIT_FIELDS, CashFlows
from handlers.price.daterules import ADJUSTMENT_FIELDS, DateRules
from handlers.price.daycount import DAY_COUNTS_BY_DATES, fractions_between
from handlers.price.discounted import discounted
from handlers.price.fields import Column, choice, currency, day, number
from handlers.price.measures import VALUE_MEASURES, payments
from handlers.price.pricers.pricer import Pricer, own_curve


@dataclass(frozen=True, slots=True)
class DepositTerms(Columnar):
    """Terms of P deposits, from `start` to `end` in the contract; `maturity` is the day of repayment."""

    currency: Ints
    notional: Floats
    start: Ints
    end: Ints
    maturity: Ints
    rate: Floats
    day_count: Ints
    credit_spread: Floats
    issuer: Ints
    rating: Ints
    rules: DateRules

    @property
    def sizes(self) -> Ints:
        """Two cash flows each."""
        return np.full(self.maturity.size, 2)


def _terms(columns: Mapping[str, Column]) -> DepositTerms:
    rules = DateRules.of(columns)
    return DepositTerms(
        currency=columns["currency"],
        notional=columns["notional"],
        start=columns["start_date"],
        end=columns["maturity_date"],
        maturity=rules.last_payments(columns["maturity_date"]),
        rate=columns["rate"],
        day_count=columns["day_count"],
        credit_spread=columns["credit_spread"],
        issuer=columns["issuer"],
        rating=columns["rating"],
        rules=rules,
    )


def _faults(terms: DepositTerms) -> list[tuple[Bools, str]]:
    return [(terms.end <= terms.start, "maturity_date: must be after start_date"), *terms.rules.faults()]


def _flows(terms: DepositTerms, valuation: int) -> CashFlows:
    rules, notional = terms.rules, terms.notional
    start, end = rules.accrual_dates(terms.start), rules.accrual_dates(terms.end)
    repaid = notional * (1.0 + terms.rate * fractions_between(start, end, terms.day_count))
    now = np.clip(valuation, start, end)
    owner = np.repeat(np.arange(notional.size), 2)
    dates = np.column_stack((rules.payment_dates(start), terms.maturity)).ravel()
    amounts = np.column_stack((-notional, repaid)).ravel()
    accrued = notional * terms.rate * fractions_between(start, now, terms.day_count)
    return CashFlows.after(valuation, terms, owner, dates, amounts, accrued)


DEPOSIT = Pricer(
    fields=(
        currency("currency"),
        number("notional"),
        day("start_date"),
        day("maturity_date"),
        number("rate"),
        choice("day_count", DAY_COUNTS_BY_DATES),
        *CREDIT_FIELDS,
        *ADJUSTMENT_FIELDS,
    ),
    terms=_terms,
    faults=_faults,
    requirements=own_curve,
    flows=_flows,
    accrued=attrgetter("accrued"),
    discounted=discounted,
    measures=VALUE_MEASURES,
    payments=payments,
)
