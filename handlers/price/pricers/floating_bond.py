"""FLOATING_BOND: coupons of an index and a spread, and the notional at maturity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from operator import attrgetter

import numpy as np

from handlers.price.accrual import schedule_faults
from handlers.price.arrays import Columnar, Floats, Ints
from handlers.price.cashflows import CREDIT_FIELDS
from handlers.price.daterules import EX_COUPON_FIELDS, SCHEDULE_FIELDS, DateRules
from handlers.price.daycount import DAY_COUNTS
from handlers.price.fields import Column, choice, currency, day, number
from handlers.price.floating import INDEX_FIELDS, FloatingFlows, FloatingLeg, IndexTerms, Payments, past_fixings
from handlers.price.floating_measures import cs01, discounted, dv01, krd, present_value
from handlers.price.pricers.pricer import Pricer
from handlers.price.projected_flows import FLOW_MEASURES, PRICE_MEASURES, payments
from handlers.price.requirements import Requirements
from handlers.price.schedule import FREQUENCIES, NO_DATE, STUBS


@dataclass(frozen=True, slots=True)
class FloatingBondTerms(Columnar):
    """Terms of P floating-rate bonds, from `start` to `end` in the contract; `maturity` is the day of the last payment."""

    currency: Ints
    notional: Floats
    start: Ints
    end: Ints
    maturity: Ints
    index: IndexTerms
    day_count: Ints
    frequency: Ints
    stub: Ints
    first_coupon: Ints
    credit_spread: Floats
    issuer: Ints
    rating: Ints
    rules: DateRules

    @property
    def sizes(self) -> Ints:
        """About how many cash flows each position has."""
        return (self.end - self.start) * self.frequency // 365 + 2


def _terms(columns: Mapping[str, Column]) -> FloatingBondTerms:
    rules = DateRules.of(columns)
    return FloatingBondTerms(
        currency=columns["currency"],
        notional=columns["notional"],
        start=columns["start_date"],
        end=columns["maturity_date"],
        maturity=rules.last_payments(columns["maturity_date"]),
        index=IndexTerms.of(columns),
        day_count=columns["day_count"],
        frequency=columns["frequency"],
        stub=columns["stub"],
        first_coupon=columns["first_coupon_date"],
        credit_spread=columns["credit_spread"],
        issuer=columns["issuer"],
        rating=columns["rating"],
        rules=rules,
    )


def _leg(terms: FloatingBondTerms) -> FloatingLeg:
    return FloatingLeg.of(terms, terms.notional, terms.index)


def _requirements(terms: FloatingBondTerms, valuation: int) -> Requirements:
    past = past_fixings(terms, _leg, valuation)
    return Requirements(curves=(terms.currency,), projections=((terms.index.name, terms.currency),), fixings=(past,))


def _flows(terms: FloatingBondTerms, valuation: int) -> FloatingFlows:
    count = terms.maturity.size
    repaid = Payments(np.arange(count), terms.maturity, terms.notional)
    return FloatingFlows(terms, valuation, _leg(terms), repaid, np.zeros(count), has_credit=True)


FLOATING_BOND = Pricer(
    fields=(
        currency("currency"),
        number("notional"),
        day("start_date"),
        day("maturity_date"),
        choice("day_count", DAY_COUNTS),
        choice("frequency", FREQUENCIES),
        choice("stub", STUBS),
        day("first_coupon_date", absent=NO_DATE),
        *INDEX_FIELDS,
        *CREDIT_FIELDS,
        *SCHEDULE_FIELDS,
        *EX_COUPON_FIELDS,
    ),
    terms=_terms,
    faults=schedule_faults,
    requirements=_requirements,
    flows=_flows,
    fixed=FloatingFlows.fixed,
    accrued=attrgetter("accrued"),
    discounted=discounted,
    measures={"PV": present_value, "DV01": dv01, "CS01": cs01, "KRD": krd} | PRICE_MEASURES | FLOW_MEASURES,
    payments=payments,
    nodes_by_flow=True,
)
