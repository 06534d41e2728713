"""Cash flows of bonds and loans, flat over all positions: a bond is a loan that is repaid at maturity."""

from __future__ import annotations

from dataclasses import dataclass, fields
from itertools import accumulate
from typing import Self

import numpy as np

from handlers.price.arrays import Bools, Floats, Ints, offsets
from handlers.price.daycount import accrued_fractions, period_fractions
from handlers.price.schedule import Schedule, build

# Fewer loans than this are cheaper one by one than period by period.
_FEW_LOANS = 16

LEVEL_PAY, STRAIGHT_LINE, BULLET = 0, 1, 2
AMORTIZATIONS = {"level_pay": LEVEL_PAY, "straight_line": STRAIGHT_LINE, "bullet": BULLET}


@dataclass(frozen=True, slots=True)
class LendingTerms:
    """Terms of P bonds or loans; dates in days, `credit_spread` 0 where none is given, `rate` the bond's coupon."""

    currency: Ints
    notional: Floats
    start: Ints
    maturity: Ints
    rate: Floats
    day_count: Ints
    frequency: Ints
    stub: Ints
    first_coupon: Ints
    amortization: Ints
    credit_spread: Floats

    def take(self, chosen: Ints | slice) -> Self:
        """The terms of the chosen positions."""
        return type(self)(*(getattr(self, field.name)[chosen] for field in fields(self)))

    @property
    def sizes(self) -> Ints:
        """About how many cash flows each position has."""
        return (self.maturity - self.start) * self.frequency // 365 + 2


@dataclass(frozen=True, slots=True)
class CashFlows:
    """What P positions still pay: position i owns the flows `bounds[i]` to `bounds[i + 1]`, in time order.

    `date` is in days, `amount` in the position's currency, `accrued` (P) the interest accrued at the valuation date.
    """

    terms: LendingTerms
    valuation: int
    bounds: Ints
    owner: Ints
    date: Ints
    amount: Floats
    accrued: Floats


def cash_flows(terms: LendingTerms, valuation: int) -> CashFlows:
    """The cash flows after the valuation date of positions that have not matured."""
    schedule = build(terms.start, terms.maturity, 12 // terms.frequency, terms.stub, terms.first_coupon)
    fractions = period_fractions(schedule, terms.day_count, terms.frequency)
    outstanding = _outstanding(terms, schedule, fractions)
    repaid = outstanding.copy()
    repaid[:-1] -= outstanding[1:]
    repaid[schedule.last] = outstanding[schedule.last]
    amount = outstanding * terms.rate[schedule.owner] * fractions + repaid
    ahead = schedule.end > valuation
    owner = schedule.owner[ahead]
    bounds = offsets(np.bincount(owner, minlength=terms.rate.size))
    current = schedule.bounds[1:] - np.diff(bounds)
    accrued = _accrued(terms, schedule, outstanding, current, valuation)
    return CashFlows(terms, valuation, bounds, owner, schedule.end[ahead], amount[ahead], accrued)


def _accrued(terms: LendingTerms, schedule: Schedule, outstanding: Floats, current: Ints, valuation: int) -> Floats:
    """Interest from the start of the current period; that period's clipping makes it 0 before the first one."""
    fractions = accrued_fractions(schedule, current, valuation, terms.day_count, terms.frequency)
    return outstanding[current] * terms.rate * fractions


def _outstanding(terms: LendingTerms, schedule: Schedule, fractions: Floats) -> Floats:
    """The balance on which each period's interest accrues."""
    outstanding = terms.notional[schedule.owner]
    straight = terms.amortization == STRAIGHT_LINE
    if straight.any():
        counts = schedule.counts[schedule.owner]
        outstanding = np.where(straight[schedule.owner], outstanding * (counts - schedule.place) / counts, outstanding)
    level = np.flatnonzero(terms.amortization == LEVEL_PAY)
    if level.size:
        _level_pay_balances(terms, schedule, fractions, level, outstanding)
    return outstanding


def _level_pay_balances(terms: LendingTerms, schedule: Schedule, fractions: Floats, loans: Ints, outstanding: Floats) -> None:
    """Fills in the balances of these level-pay loans: what is left after interest and payment, period after period."""
    counts, rate = schedule.counts[loans], terms.rate[loans]
    payment = level_payment(terms.notional[loans], rate / terms.frequency[loans], counts)
    growth = 1.0 + terms.rate[schedule.owner] * fractions
    if loans.size < _FEW_LOANS:
        for first, last, paid in zip(schedule.bounds[loans].tolist(), schedule.last[loans].tolist(), payment.tolist(), strict=True):
            factors = growth[first:last].tolist()
            outstanding[first : last + 1] = list(accumulate(factors, lambda left, factor: left * factor - paid, initial=outstanding[first].item()))
        return
    order = np.argsort(-counts, kind="stable")
    first, payment, counts = schedule.bounds[loans[order]], payment[order], counts[order]
    alive = np.searchsorted(-counts, -np.arange(1, counts[0]), side="left").tolist()
    period, balance = first, outstanding[first]
    for place, live in enumerate(alive, start=1):
        balance = balance[:live] * growth[period[:live]] - payment[:live]
        period = first[:live] + place
        outstanding[period] = balance


def level_payment(notional: Floats, periodic_rate: Floats, counts: Ints) -> Floats:
    """The payment that repays `notional` in so many equal payments at this rate a period; notional / count at rate 0."""
    zero = periodic_rate == 0.0
    rate = np.where(zero, 1.0, periodic_rate)
    return np.where(zero, notional / counts, notional * rate / -np.expm1(-counts * np.log1p(rate)))
