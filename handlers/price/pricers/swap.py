"""IRS: a fixed leg against a floating one, without exchange of notionals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from operator import attrgetter

import numpy as np

from handlers.price.accrual import AccrualTerms, accrual_periods, schedule_faults
from handlers.price.arrays import Bools, Columnar, Floats, Ints
from handlers.price.daterules import SCHEDULE_FIELDS, DateRules
from handlers.price.daycount import DAY_COUNTS
from handlers.price.fields import Column, choice, currency, day, number
from handlers.price.floating import INDEX_FIELDS, FloatingFlows, FloatingLeg, IndexTerms, Payments, past_fixings
from handlers.price.floating_measures import discounted, dv01, krd, present_value
from handlers.price.names import NOTHING
from handlers.price.pricers.pricer import Pricer
from handlers.price.projected_flows import FLOW_MEASURES, payments
from handlers.price.requirements import Requirements
from handlers.price.schedule import FREQUENCIES, NO_DATE, STUBS

_PAY, _RECEIVE = 0, 1
_SIDES = {"pay": _PAY, "receive": _RECEIVE}


@dataclass(frozen=True, slots=True)
class SwapTerms(Columnar):
    """Terms of P swaps; `notional` is signed as the fixed leg is: negative for who pays it."""

    currency: Ints
    notional: Floats
    maturity: Ints
    fixed_rate: Floats
    fixed: AccrualTerms
    floating: AccrualTerms
    index: IndexTerms

    @property
    def sizes(self) -> Ints:
        """About how many cash flows each position has."""
        return (self.fixed.end - self.fixed.start) * (self.fixed.frequency + self.floating.frequency) // 365 + 4

    @property
    def credit_spread(self) -> Floats:
        """None: swaps are discounted without."""
        return np.zeros(self.notional.size)

    @property
    def issuer(self) -> Ints:
        return np.full(self.notional.size, NOTHING)

    @property
    def rating(self) -> Ints:
        return np.full(self.notional.size, NOTHING)


def _terms(columns: Mapping[str, Column]) -> SwapTerms:
    rules = DateRules.of(columns)
    start, end = columns["start_date"], columns["maturity_date"]
    no_date = np.full(start.size, NO_DATE)

    def leg(name: str) -> AccrualTerms:
        day_count, frequency = columns[f"{name}_day_count"], columns[f"{name}_frequency"]
        return AccrualTerms(start, end, day_count, frequency, columns["stub"], no_date, rules)

    return SwapTerms(
        currency=columns["currency"],
        notional=np.where(columns["pay_receive"] == _PAY, -columns["notional"], columns["notional"]),
        maturity=rules.last_payments(end),
        fixed_rate=columns["fixed_rate"],
        fixed=leg("fixed"),
        floating=leg("floating"),
        index=IndexTerms.of(columns),
    )


def _faults(terms: SwapTerms) -> list[tuple[Bools, str]]:
    return [*schedule_faults(terms.fixed), *schedule_faults(terms.floating)]


def _floating_leg(terms: SwapTerms) -> FloatingLeg:
    return FloatingLeg.of(terms.floating, -terms.notional, terms.index)


def _requirements(terms: SwapTerms, valuation: int) -> Requirements:
    past = past_fixings(terms, _floating_leg, valuation)
    return Requirements(curves=(terms.currency,), projections=((terms.index.name, terms.currency),), fixings=(past,))


def _flows(terms: SwapTerms, valuation: int) -> FloatingFlows:
    periods = accrual_periods(terms.fixed)
    owner = periods.schedule.owner
    yearly = (terms.notional * terms.fixed_rate)[owner]
    payments = Payments(owner, periods.payment, yearly * periods.years)
    accrued = periods.accrued(yearly, valuation)
    return FloatingFlows(terms, valuation, _floating_leg(terms), payments, accrued, has_credit=False)


IRS = Pricer(
    fields=(
        currency("currency"),
        number("notional"),
        choice("pay_receive", _SIDES),
        day("start_date"),
        day("maturity_date"),
        number("fixed_rate"),
        choice("fixed_day_count", DAY_COUNTS),
        choice("fixed_frequency", FREQUENCIES),
        choice("floating_day_count", DAY_COUNTS),
        choice("floating_frequency", FREQUENCIES),
        choice("stub", STUBS),
        *INDEX_FIELDS,
        *SCHEDULE_FIELDS,
    ),
    terms=_terms,
    faults=_faults,
    requirements=_requirements,
    flows=_flows,
    fixed=FloatingFlows.fixed,
    accrued=attrgetter("accrued"),
    discounted=discounted,
    measures={"PV": present_value, "DV01": dv01, "KRD": krd} | FLOW_MEASURES,
    payments=payments,
    nodes_by_flow=True,
)
