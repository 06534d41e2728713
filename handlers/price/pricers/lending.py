"""FIXED_BOND and AMORT_LOAN."""

from __future__ import annotations

import math
from collections.abc import Mapping
from operator import attrgetter

import numpy as np

from handlers.price.accrual import schedule_faults
from handlers.price.amortization import (
    AMORTIZATIONS,
    BULLET,
    LEVEL_PAY,
    NO_COMMITMENT,
    NO_PAYMENT,
    Facility,
    Repayment,
    is_no_share,
    repayment_faults,
)
from handlers.price.arrays import Bools, Floats, Ints
from handlers.price.cashflows import CREDIT_FIELDS, LendingTerms, cash_flows
from handlers.price.daterules import EX_COUPON_FIELDS, SCHEDULE_FIELDS, DateRules
from handlers.price.daycount import DAY_COUNTS
from handlers.price.discounted import discounted
from handlers.price.fields import Column, choice, currency, day, number, whole
from handlers.price.market import MarketData
from handlers.price.measures import PRICE_MEASURES, expected_loss, payments
from handlers.price.names import NOTHING
from handlers.price.pricers.pricer import Pricer, own_curve
from handlers.price.requirements import Lacks, Requirements, lacking
from handlers.price.schedule import FREQUENCIES, NO_DATE, STUBS

_MOST_PERIODS = 4_800

_COMMON = (
    currency("currency"),
    number("notional"),
    day("start_date"),
    day("maturity_date"),
    choice("day_count", DAY_COUNTS),
    choice("frequency", FREQUENCIES),
    choice("stub", STUBS),
    day("first_coupon_date", absent=NO_DATE),
    *CREDIT_FIELDS,
    *SCHEDULE_FIELDS,
    number("recovery_rate", absent=0.0),
    number("price", absent=math.nan),
)
_LOAN = (
    number("rate"),
    choice("amortization", AMORTIZATIONS),
    whole("interest_only_periods", _MOST_PERIODS, absent=0),
    number("balloon", absent=0.0),
    number("payment", absent=NO_PAYMENT),
    number("cpr", absent=0.0),
    number("commitment", absent=NO_COMMITMENT),
    number("commitment_fee", absent=0.0),
    number("credit_conversion_factor", absent=0.0),
)


def _bond_terms(columns: Mapping[str, Column]) -> LendingTerms:
    return _terms(columns, columns["coupon"], np.full(columns["coupon"].size, BULLET))


def _loan_terms(columns: Mapping[str, Column]) -> LendingTerms:
    return _terms(columns, columns["rate"], columns["amortization"])


def _terms(columns: Mapping[str, Column], rate: Floats, amortization: Ints) -> LendingTerms:
    rules = DateRules.of(columns)
    return LendingTerms(
        currency=columns["currency"],
        notional=columns["notional"],
        start=columns["start_date"],
        end=columns["maturity_date"],
        maturity=rules.last_payments(columns["maturity_date"]),
        rate=rate,
        day_count=columns["day_count"],
        frequency=columns["frequency"],
        stub=columns["stub"],
        first_coupon=columns["first_coupon_date"],
        amortization=amortization,
        credit_spread=columns["credit_spread"],
        issuer=columns["issuer"],
        rating=columns["rating"],
        rules=rules,
        repayment=Repayment.of(columns, rate.size),
        facility=Facility.of(columns, columns["notional"]),
        recovery=columns["recovery_rate"],
        quote=columns["price"],
    )


def _faults(terms: LendingTerms) -> list[tuple[Bools, str]]:
    return [
        *schedule_faults(terms),
        (
            (terms.amortization == LEVEL_PAY) & (terms.rate <= -terms.frequency),
            "rate: no level payment repays a loan at -100 % a period or less",
        ),
        (is_no_share(terms.recovery), "recovery_rate: must lie between 0 and 1"),
        (terms.quote <= 0.0, "price: must be greater than 0"),
    ]


def _loan_faults(terms: LendingTerms) -> list[tuple[Bools, str]]:
    return [*_faults(terms), *repayment_faults(terms), *terms.facility.faults(terms.notional)]


def _without_hazards(terms: LendingTerms, market: MarketData, names: Mapping[int, str]) -> Lacks:
    lacks = lacking(Requirements(hazards=((terms.issuer, terms.rating),)), market, names, terms.issuer.size)
    neither = (terms.issuer == NOTHING) & (terms.rating == NOTHING)
    lacks.add(terms.issuer, neither, lambda _: "no hazard curve: the position gives neither issuer nor rating")
    return lacks


FIXED_BOND = Pricer(
    fields=(*_COMMON, number("coupon"), *EX_COUPON_FIELDS),
    terms=_bond_terms,
    faults=_faults,
    requirements=own_curve,
    flows=cash_flows,
    accrued=attrgetter("accrued"),
    discounted=discounted,
    measures=PRICE_MEASURES | {"EXPECTED_LOSS": expected_loss},
    payments=payments,
    lacks={"EXPECTED_LOSS": _without_hazards},
)
AMORT_LOAN = Pricer(
    fields=(*_COMMON, *_LOAN),
    terms=_loan_terms,
    faults=_loan_faults,
    requirements=own_curve,
    flows=cash_flows,
    accrued=attrgetter("accrued"),
    discounted=discounted,
    measures=FIXED_BOND.measures,
    payments=payments,
    lacks=FIXED_BOND.lacks,
)
