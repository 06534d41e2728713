"""Accrual periods with their payment dates and year fractions, and what of them has accrued at the valuation date."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from handlers.price.adjustment import UNADJUSTED, business_days_before
from handlers.price.arrays import Bools, Columnar, Floats, Ints
from handlers.price.daterules import DateRules
from handlers.price.daycount import ACT_ACT_ISMA, partial_fractions, period_fractions
from handlers.price.schedule import NO_DATE, Schedule, build


class Accruing(Protocol):
    """Terms of P positions from which their accrual periods follow; `start` and `end` as in the contract."""

    @property
    def start(self) -> Ints: ...
    @property
    def end(self) -> Ints: ...
    @property
    def day_count(self) -> Ints: ...
    @property
    def frequency(self) -> Ints: ...
    @property
    def stub(self) -> Ints: ...
    @property
    def first_coupon(self) -> Ints: ...
    @property
    def rules(self) -> DateRules: ...


@dataclass(frozen=True, slots=True)
class AccrualTerms(Columnar):
    """Such terms alone."""

    start: Ints
    end: Ints
    day_count: Ints
    frequency: Ints
    stub: Ints
    first_coupon: Ints
    rules: DateRules


@dataclass(frozen=True, slots=True)
class Periods:
    """The periods of P positions: their schedule, with dates as interest accrues between them, and for each period when
    it is paid and its `years`, by day count.
    """

    terms: Accruing
    schedule: Schedule
    payment: Ints
    years: Floats

    def trading_ex(self, valuation: int) -> Ints:
        """The periods whose coupon, still to be paid, a buyer no longer gets."""
        rules, owner = self.terms.rules, self.schedule.owner
        if not rules.ex_days.any():
            return np.empty(0, dtype=np.int64)
        candidates = np.flatnonzero((rules.ex_days[owner] > 0) & (self.payment > valuation))
        own = owner[candidates]
        since = business_days_before(self.payment[candidates], rules.ex_calendar[own], rules.ex_days[own])
        return candidates[since <= valuation]

    def accrued(self, yearly: Floats, valuation: int) -> Floats:
        """What has accrued of each position's interest that is still to be paid (P), `yearly` being that of each period.

        Of a coupon that is traded ex it is what is yet to accrue, with the opposite sign: what the buyer is paid for.
        """
        schedule = self.schedule
        accruing = np.flatnonzero((schedule.start < valuation) & (self.payment > valuation))
        now = np.minimum(schedule.end[accruing], valuation)
        begin, stop, trading_ex = schedule.start[accruing], now, self.trading_ex(valuation)
        sign: Floats | float = 1.0
        if trading_ex.size:
            ex = np.isin(accruing, trading_ex)
            begin, stop, sign = np.where(ex, now, begin), np.where(ex, schedule.end[accruing], now), np.where(ex, -1.0, 1.0)
        years = partial_fractions(schedule, accruing, begin, stop, self.terms.day_count, self.terms.frequency)
        interest = sign * years * yearly[accruing]
        sums = np.bincount(schedule.owner[accruing], interest, minlength=schedule.forward.size)
        return np.asarray(sums, dtype=np.float64)


def accrual_periods(terms: Accruing) -> Periods:
    """The accrual periods of these terms."""
    rules = terms.rules
    schedule = build(terms.start, terms.end, 12 // terms.frequency, terms.stub, terms.first_coupon, rules.end_of_month)
    if rules.accrual.any():
        own = rules[schedule.owner]
        schedule = schedule.moved(own.accrual_dates(schedule.start), own.accrual_dates(schedule.end))
    payment = rules[schedule.owner].payment_dates(schedule.end) if rules.payment.any() else schedule.end
    return Periods(terms, schedule, payment, period_fractions(schedule, terms.day_count, terms.frequency))


def schedule_faults(terms: Accruing) -> list[tuple[Bools, str]]:
    """What contradicts itself in the terms of a schedule."""
    given = terms.first_coupon != NO_DATE
    outside = (terms.first_coupon <= terms.start) | (terms.first_coupon > terms.end)
    moved_isma = (terms.day_count == ACT_ACT_ISMA) & (terms.rules.accrual != UNADJUSTED)
    return [
        (terms.end <= terms.start, "maturity_date: must be after start_date"),
        (given & outside, "first_coupon_date: must be after start_date and not after maturity_date"),
        (moved_isma, "accrual_convention: must be unadjusted with ACT/ACT ISMA, which counts between the contract's dates"),
        *terms.rules.faults(),
    ]
