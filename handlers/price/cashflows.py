"""Cash flows of bonds and loans, flat over all positions: a bond is a loan that is repaid at maturity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from handlers.price.accrual import accrual_periods
from handlers.price.amortization import Facility, Repayment, prepay, scheduled_balances
from handlers.price.arrays import Columnar, Floats, Ints, offsets
from handlers.price.daterules import DateRules
from handlers.price.fields import name, number
from handlers.price.names import NOTHING, issuer_code, rating_code
from handlers.price.standing import Standing

CREDIT_FIELDS = (
    number("credit_spread", absent=0.0),
    name("issuer", issuer_code, absent=NOTHING),
    name("rating", rating_code, absent=NOTHING),
)


class DebtTerms(Protocol):
    """What discounting needs of the terms of P positions; 0 or `NOTHING` where no credit risk is given."""

    @property
    def currency(self) -> Ints: ...
    @property
    def notional(self) -> Floats: ...
    @property
    def credit_spread(self) -> Floats: ...
    @property
    def issuer(self) -> Ints: ...
    @property
    def rating(self) -> Ints: ...


@dataclass(frozen=True, slots=True)
class LendingTerms(Columnar):
    """Terms of P bonds or loans; dates in days, `credit_spread` 0 where none is given, `rate` the bond's coupon.

    The contract runs from `start` to `end`; `maturity` is the last payment, which may have moved off a holiday.
    `issuer` and `rating` find the credit curve; `NOTHING` where none is given. `recovery` is what default leaves of an
    exposure, `quote` the clean price per 100 of what is outstanding, NaN where none is given.
    """

    currency: Ints
    notional: Floats
    start: Ints
    end: Ints
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
    rules: DateRules
    repayment: Repayment
    facility: Facility
    recovery: Floats
    quote: Floats

    @property
    def sizes(self) -> Ints:
        """About how many cash flows each position has."""
        return (self.end - self.start) * self.frequency // 365 + 2


@dataclass(frozen=True, slots=True)
class CashFlows:
    """What P positions still pay: position i owns the flows `bounds[i]` to `bounds[i + 1]`, in time order.

    `date` is in days, `amount` in the position's currency, `accrued` (P) the interest accrued at the valuation date. Without a
    `standing` a position owes its notional until its last payment, and years are counted in days / 365.
    """

    terms: DebtTerms
    valuation: int
    bounds: Ints
    date: Ints
    amount: Floats
    accrued: Floats
    standing: Standing | None = None

    @property
    def owner(self) -> Ints:
        """The position of each flow."""
        counts = np.diff(self.bounds)
        return np.repeat(np.arange(counts.size), counts)

    @classmethod
    def after(cls, valuation: int, terms: DebtTerms, owner: Ints, date: Ints, amount: Floats, accrued: Floats) -> CashFlows:
        """Those of these flows, by owner and in time order, that are paid after the valuation date."""
        bounds = offsets(np.bincount(owner, minlength=accrued.size))
        return cls(terms, valuation, *_ahead(valuation, bounds, date, amount), accrued)


def _ahead(valuation: int, bounds: Ints, date: Ints, amount: Floats) -> tuple[Ints, Ints, Floats]:
    ahead = date > valuation
    return offsets(ahead)[bounds], date[ahead], amount[ahead]


def cash_flows(terms: LendingTerms, valuation: int) -> CashFlows:
    """The cash flows after the valuation date of positions that have not matured."""
    periods = accrual_periods(terms)
    schedule = periods.schedule
    balance = scheduled_balances(terms, schedule, periods.years)
    repaid = np.empty_like(balance)
    np.subtract(balance[:-1], balance[1:], out=repaid[:-1])
    repaid[schedule.last] = balance[schedule.last]
    yearly = balance * np.repeat(terms.rate, schedule.counts)
    if terms.facility.fee.any():
        yearly += np.repeat(terms.facility.undrawn * terms.facility.fee, schedule.counts)
    amount = yearly * periods.years
    amount[periods.trading_ex(valuation)] = 0.0
    amount += repaid
    accrued = periods.accrued(yearly, valuation)
    left = None
    if terms.repayment.cpr.any():
        left = prepay(terms, schedule, periods.payment > valuation, amount, balance - repaid)
    ahead = _ahead(valuation, schedule.bounds, periods.payment, amount)
    return CashFlows(terms, valuation, *ahead, accrued, Standing(terms, valuation, periods, balance, left))
