"""How loans are repaid: the balance on which each period's interest accrues."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np

from handlers.price.arrays import Bools, Columnar, Floats, Ints, offsets
from handlers.price.fields import Column
from handlers.price.schedule import Schedule

# Fewer loans than this are cheaper one by one than period by period.
_FEW_LOANS = 16

# Below this the general formula divides numbers that have lost their digits.
_NO_RATE = 1e-16

LEVEL_PAY, STRAIGHT_LINE, BULLET = 0, 1, 2
AMORTIZATIONS = {"level_pay": LEVEL_PAY, "straight_line": STRAIGHT_LINE, "bullet": BULLET}

# What stands for amounts that are not given.
NO_PAYMENT = NO_COMMITMENT = 0.0


@dataclass(frozen=True, slots=True)
class Repayment(Columnar):
    """What changes how P loans are repaid.

    No principal is due in the first `interest_only` periods; `balloon` is left for the last payment; `payment` (0: none
    given) is what a level_pay loan pays, or a straight_line loan repays, each period. `cpr` is the share of the balance that
    is prepaid in a year.
    """

    interest_only: Ints
    balloon: Floats
    payment: Floats
    cpr: Floats

    @classmethod
    def of(cls, columns: Mapping[str, Column], positions: int) -> Self:
        """The columns of these names; a product that does not have them repays as if none was given."""
        nothing = np.zeros(positions)
        return cls(
            columns.get("interest_only_periods", nothing.astype(np.int64)),
            columns.get("balloon", nothing),
            columns.get("payment", nothing),
            columns.get("cpr", nothing),
        )

    @property
    def is_special(self) -> Bools:
        """Loans whose scheduled balances are not those of their kind of amortization alone."""
        special: Bools = (self.interest_only > 0) | (self.balloon != 0.0) | (self.payment != NO_PAYMENT)
        return special


@dataclass(frozen=True, slots=True)
class Facility(Columnar):
    """What P borrowers may still draw, `undrawn`, the yearly `fee` on it, and the share `conversion` drawn on default."""

    undrawn: Floats
    fee: Floats
    conversion: Floats

    @classmethod
    def of(cls, columns: Mapping[str, Column], notional: Floats) -> Self:
        """The columns of these names; no commitment given: nothing more may be drawn."""
        nothing = np.zeros(notional.size)
        commitment = columns.get("commitment", nothing)
        undrawn = np.where(commitment == NO_COMMITMENT, 0.0, commitment - notional)
        return cls(undrawn, columns.get("commitment_fee", nothing), columns.get("credit_conversion_factor", nothing))

    def faults(self, notional: Floats) -> list[tuple[Bools, str]]:
        """What cannot be."""
        overdrawn = self.undrawn * np.sign(notional) < 0.0
        return [
            (overdrawn, "commitment: must not be less than notional, and of the same sign"),
            (is_no_share(self.conversion), "credit_conversion_factor: must lie between 0 and 1"),
        ]


class Repaid(Protocol):
    """Terms of P loans from which their balances follow."""

    @property
    def notional(self) -> Floats: ...
    @property
    def rate(self) -> Floats: ...
    @property
    def frequency(self) -> Ints: ...
    @property
    def amortization(self) -> Ints: ...
    @property
    def repayment(self) -> Repayment: ...


def scheduled_balances(terms: Repaid, schedule: Schedule, years: Floats) -> Floats:
    """The balance during each period if all is paid as agreed, `years` being the period's year fraction."""
    balances = np.repeat(terms.notional, schedule.counts)
    if (terms.amortization == BULLET).all():
        return balances
    special = terms.repayment.is_special
    straight = (terms.amortization == STRAIGHT_LINE) & ~special
    if straight.any():
        counts = schedule.counts[schedule.owner]
        balances = np.where(straight[schedule.owner], balances * (counts - schedule.place) / counts, balances)
    level = np.flatnonzero((terms.amortization == LEVEL_PAY) & ~special)
    if level.size:
        _fill_level_pay(terms, schedule, years, level, balances)
    if special.any():
        _fill_special(terms, schedule, years, special, balances)
    return balances


def _fill_level_pay(terms: Repaid, schedule: Schedule, years: Floats, loans: Ints, balances: Floats) -> None:
    """Fills in the balances of these level-pay loans: what interest and payment leave, period after period."""
    payment = level_payment(terms.notional[loans], terms.rate[loans] / terms.frequency[loans], schedule.counts[loans])
    growth = np.repeat(terms.rate, schedule.counts) * years
    growth += 1.0
    if loans.size < _FEW_LOANS:
        for loan, paid in zip(loans.tolist(), payment.tolist(), strict=True):
            _balances_of_one(growth, paid, balances, slice(*schedule.bounds[loan : loan + 2].tolist()))
    else:
        _balances_of_many(growth, payment, balances, schedule.bounds[loans], schedule.counts[loans])


def _balances_of_one(growth: Floats, paid: float, balances: Floats, periods: slice) -> None:
    balance = float(balances[periods.start])
    found = [balance]
    for factor in growth[periods].tolist()[:-1]:
        balance = balance * factor - paid
        found.append(balance)
    balances[periods] = found


def _balances_of_many(growth: Floats, payment: Floats, balances: Floats, first: Ints, counts: Ints) -> None:
    """A step a period over all loans, the longest first, so that those that still run lie together."""
    order = np.argsort(-counts, kind="stable")
    first, payment, counts = first[order], payment[order], counts[order]
    running = np.searchsorted(-counts, -np.arange(1, counts[0]), side="left").tolist()
    period, balance = first, balances[first]
    for place, loans in enumerate(running, start=1):
        balance = balance[:loans] * growth[period[:loans]] - payment[:loans]
        period = first[:loans] + place
        balances[period] = balance


def level_payment(notional: Floats, periodic_rate: Floats, counts: Ints) -> Floats:
    """The payment that repays `notional` in so many equal payments at this rate a period; notional / count at rate 0."""
    zero = np.abs(periodic_rate) < _NO_RATE
    rate = np.where(zero, 1.0, periodic_rate)
    return np.where(zero, notional / counts, notional * rate / -np.expm1(-counts * np.log1p(rate)))


def _fill_special(terms: Repaid, schedule: Schedule, years: Floats, special: Bools, balances: Floats) -> None:
    """Fills in the balances of loans with interest-only periods, a balloon or a payment of their own; none overshoots 0."""
    for kind, fill in ((STRAIGHT_LINE, _straight_line), (LEVEL_PAY, _level_pay)):
        loans = np.flatnonzero(special & (terms.amortization == kind))
        if loans.size:
            fill(terms, schedule, years, loans, balances)


def _straight_line(terms: Repaid, schedule: Schedule, _years: Floats, loans: Ints, balances: Floats) -> None:
    due = _due(terms, schedule, loans)
    repaid = (terms.notional - terms.repayment.balloon)[loans] / due
    given = terms.repayment.payment[loans]
    repaid = np.where(given == NO_PAYMENT, repaid, given)
    chosen = np.flatnonzero(np.isin(schedule.owner, loans))
    place = np.searchsorted(loans, schedule.owner[chosen])
    times = np.maximum(schedule.place[chosen] - terms.repayment.interest_only[loans][place], 0)
    balances[chosen] = _not_beyond_zero(balances[chosen] - repaid[place] * times, terms.notional[loans][place])


def _level_pay(terms: Repaid, schedule: Schedule, years: Floats, loans: Ints, balances: Floats) -> None:
    due, repayment = _due(terms, schedule, loans), terms.repayment[loans]
    rate = terms.rate[loans] / terms.frequency[loans]
    balloon = repayment.balloon
    payment = level_payment(terms.notional[loans] - balloon, rate, due) + balloon * rate
    payment = np.where(repayment.payment == NO_PAYMENT, payment, repayment.payment)
    first, counts = schedule.bounds[loans], schedule.counts[loans]
    balance = terms.notional[loans]
    for place in range(1, int(counts.max())):
        running = np.flatnonzero(counts > place)
        before, period = balance[running], first[running] + place
        interest = before * terms.rate[loans[running]] * years[period - 1]
        paid = np.where(repayment.interest_only[running] >= place, interest, payment[running])
        balance[running] = _not_beyond_zero(before + interest - paid, terms.notional[loans[running]])
        balances[period] = balance[running]


def _due(terms: Repaid, schedule: Schedule, loans: Ints) -> Ints:
    """How many payments repay principal; the last one always does."""
    due: Ints = np.maximum(schedule.counts[loans] - terms.repayment.interest_only[loans], 1)
    return due


def _not_beyond_zero(balance: Floats, notional: Floats) -> Floats:
    """A loan that its payments have repaid stays repaid."""
    return np.where(balance * np.sign(notional) < 0.0, 0.0, balance)


def prepay(terms: Repaid, schedule: Schedule, ahead: Bools, amount: Floats, remaining: Floats) -> Floats:
    """Adds what is expected to be prepaid to the `amount` of each period that is `ahead`; returns the share of the balance
    that prepayments have left before each of those.

    With every payment that is to come, 1 - (1 - cpr)^(1 / frequency) of the balance `remaining` after it is prepaid.
    """
    owner = schedule.owner[ahead]
    bounds = offsets(np.bincount(owner, minlength=schedule.forward.size))
    number = np.arange(owner.size) - bounds[owner]
    kept = ((1.0 - terms.repayment.cpr) ** (1.0 / terms.frequency))[owner]
    left = kept**number
    amount[ahead] = left * (amount[ahead] + (1.0 - kept) * remaining[ahead])
    return left


def repayment_faults(terms: Repaid) -> list[tuple[Bools, str]]:
    """What cannot be, and what contradicts itself."""
    repayment, notional = terms.repayment, terms.notional
    given, ballooned = repayment.payment != NO_PAYMENT, repayment.balloon != 0.0
    outside = (repayment.balloon * np.sign(notional) < 0.0) | (np.abs(repayment.balloon) > np.abs(notional))
    return [
        (outside, "balloon: must lie between 0 and notional"),
        (given & (repayment.payment * notional <= 0.0), "payment: must be of the sign of notional"),
        (given & ballooned, "payment: leaves what it leaves, so there cannot be a balloon too"),
        ((given | ballooned) & (terms.amortization == BULLET), "amortization: a bullet loan has neither balloon nor payment"),
        (is_no_share(repayment.cpr), "cpr: must lie between 0 and 1"),
    ]


def is_no_share(values: Floats) -> Bools:
    """Which of the values lie outside 0 and 1."""
    outside: Bools = (values < 0.0) | (values > 1.0)
    return outside
