"""FIXED_BOND and AMORT_LOAN."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from handlers.price.arrays import Bools, Floats, Ints
from handlers.price.cashflows import AMORTIZATIONS, BULLET, LEVEL_PAY, CashFlows, LendingTerms, cash_flows
from handlers.price.daycount import DAY_COUNTS
from handlers.price.fields import Column, choice, currency, day, name, number
from handlers.price.measures import cs01, discounted, dv01, krd, present_value
from handlers.price.names import NOTHING, issuer_code, rating_code
from handlers.price.pricers.pricer import Pricer
from handlers.price.requirements import Requirements
from handlers.price.schedule import NO_DATE, STUBS

_FREQUENCIES = {1: 1, 2: 2, 4: 4, 12: 12}

_COMMON = (
    currency("currency"),
    number("notional"),
    day("start_date"),
    day("maturity_date"),
    choice("day_count", DAY_COUNTS),
    choice("frequency", _FREQUENCIES),
    choice("stub", STUBS),
    day("first_coupon_date", absent=NO_DATE),
    number("credit_spread", absent=0.0),
    name("issuer", issuer_code, absent=NOTHING),
    name("rating", rating_code, absent=NOTHING),
)


def _bond_terms(columns: Mapping[str, Column]) -> LendingTerms:
    return _terms(columns, columns["coupon"], np.full(columns["coupon"].size, BULLET))


def _loan_terms(columns: Mapping[str, Column]) -> LendingTerms:
    return _terms(columns, columns["rate"], columns["amortization"])


def _terms(columns: Mapping[str, Column], rate: Floats, amortization: Ints) -> LendingTerms:
    return LendingTerms(
        currency=columns["currency"],
        notional=columns["notional"],
        start=columns["start_date"],
        maturity=columns["maturity_date"],
        rate=rate,
        day_count=columns["day_count"],
        frequency=columns["frequency"],
        stub=columns["stub"],
        first_coupon=columns["first_coupon_date"],
        amortization=amortization,
        credit_spread=columns["credit_spread"],
        issuer=columns["issuer"],
        rating=columns["rating"],
    )


def _faults(terms: LendingTerms) -> list[tuple[Bools, str]]:
    given = terms.first_coupon != NO_DATE
    outside = (terms.first_coupon <= terms.start) | (terms.first_coupon > terms.maturity)
    return [
        (terms.maturity <= terms.start, "maturity_date: must be after start_date"),
        (given & outside, "first_coupon_date: must be after start_date and not after maturity_date"),
        (
            (terms.amortization == LEVEL_PAY) & (terms.rate <= -terms.frequency),
            "rate: no level payment repays a loan at -100 % a period or less",
        ),
    ]


def _requirements(terms: LendingTerms) -> Requirements:
    return Requirements(curves=(terms.currency,))


def _accrued(flows: CashFlows) -> Floats:
    return flows.accrued


FIXED_BOND = Pricer(
    fields=(*_COMMON, number("coupon")),
    terms=_bond_terms,
    faults=_faults,
    requirements=_requirements,
    flows=cash_flows,
    accrued=_accrued,
    discounted=discounted,
    measures={"PV": present_value, "DV01": dv01, "CS01": cs01, "KRD": krd},
)
AMORT_LOAN = Pricer(
    fields=(*_COMMON, number("rate"), choice("amortization", AMORTIZATIONS)),
    terms=_loan_terms,
    faults=_faults,
    requirements=_requirements,
    flows=cash_flows,
    accrued=_accrued,
    discounted=discounted,
    measures=FIXED_BOND.measures,
)
