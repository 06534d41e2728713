"""Cash flows of bonds and loans, flat over all positions: a bond is a loan that is repaid at maturity."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Self

import numpy as np

from handlers.price.arrays import Floats, Ints, offsets
from handlers.price.daycount import accrued_fractions, period_fractions
from handlers.price.schedule import Schedule, build

# Fewer loans than this are cheaper one by one than period by period.
_FEW_LOANS = 16

# Below this the general formula divides numbers that have lost their digits.
_NO_RATE = 1e-16

LEVEL_PAY, STRAIGHT_LINE, BULLET = 0, 1, 2
AMORTIZATIONS = {"level_pay": LEVEL_PAY, "straight_line": STRAIGHT_LINE, "bullet": BULLET}


@dataclass(frozen=True, slots=True)
class LendingTerms:
    """Terms of P bonds or loans; dates in days, `credit_spread` 0 where none is given, `rate` the bond's coupon.

    `issuer` and `rating` find the credit curve; `NOTHING` where none is given.
    """

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
    issuer: Ints
    rating: Ints

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
    """Fills in the balances of these level-pay loans: what interest and payment leave, period after period."""
    payment = level_payment(terms.notional[loans], terms.rate[loans] / terms.frequency[loans], schedule.counts[loans])
    growth = 1.0 + terms.rate[schedule.owner] * fractions
    if loans.size < _FEW_LOANS:
        for loan, paid in zip(loans.tolist(), payment.tolist(), strict=True):
            _balances_of_one(growth, paid, outstanding, slice(*schedule.bounds[loan : loan + 2].tolist()))
    else:
        _balances_of_many(growth, payment, outstanding, schedule.bounds[loans], schedule.counts[loans])


def _balances_of_one(growth: Floats, paid: float, outstanding: Floats, periods: slice) -> None:
    balance = float(outstanding[periods.start])
    balances = [balance]
    for factor in growth[periods].tolist()[:-1]:
        balance = balance * factor - paid
        balances.append(balance)
    outstanding[periods] = balances


def _balances_of_many(growth: Floats, payment: Floats, outstanding: Floats, first: Ints, counts: Ints) -> None:
    """A step a period over all loans, the longest first, so that those that still run lie together."""
    order = np.argsort(-counts, kind="stable")
    first, payment, counts = first[order], payment[order], counts[order]
    running = np.searchsorted(-counts, -np.arange(1, counts[0]), side="left").tolist()
    period, balance = first, outstanding[first]
    for place, loans in enumerate(running, start=1):
        balance = balance[:loans] * growth[period[:loans]] - payment[:loans]
        period = first[:loans] + place
        outstanding[period] = balance


def level_payment(notional: Floats, periodic_rate: Floats, counts: Ints) -> Floats:
    """The payment that repays `notional` in so many equal payments at this rate a period; notional / count at rate 0."""
    zero = np.abs(periodic_rate) < _NO_RATE
    rate = np.where(zero, 1.0, periodic_rate)
    return np.where(zero, notional / counts, notional * rate / -np.expm1(-counts * np.log1p(rate)))
