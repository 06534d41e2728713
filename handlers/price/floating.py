"""Floating-rate legs: coupons whose rate is that of an index, fixed before each period or still to be projected."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol, Self, TypeVar

import numpy as np

from handlers.price.accrual import Accruing, Periods, accrual_periods
from handlers.price.adjustment import business_days_before
from handlers.price.arrays import Bools, Columnar, Floats, Ints, pieces
from handlers.price.cashflows import CashFlows, DebtTerms
from handlers.price.fields import Column, calendar, name, number, whole
from handlers.price.fixings import Fixings
from handlers.price.requirements import PastFixings

# More than there are days between any two dates.
_DATES = 2**23

# Periods in hand at once.
_PIECE = 200_000

_SAME_CALENDAR = -1
_MOST_FIXING_DAYS = 30

INDEX_FIELDS = (
    name("index"),
    number("spread", absent=0.0),
    whole("fixing_days", _MOST_FIXING_DAYS, absent=0),
    calendar("fixing_calendar", absent=_SAME_CALENDAR),
)


class Dated(Protocol):
    """Terms of P positions that end."""

    @property
    def maturity(self) -> Ints: ...
    @property
    def sizes(self) -> Ints: ...
    def take(self, chosen: Ints | slice) -> Self: ...


_Dated = TypeVar("_Dated", bound=Dated)


@dataclass(frozen=True, slots=True)
class IndexTerms(Columnar):
    """The index of P legs by name code, the spread over it, and how many business days before a period it is fixed."""

    name: Ints
    spread: Floats
    fixing_days: Ints
    fixing_calendar: Ints

    @classmethod
    def of(cls, columns: Mapping[str, Column]) -> Self:
        own = columns["fixing_calendar"]
        fixing_calendar = np.where(own == _SAME_CALENDAR, columns["calendar"], own)
        return cls(columns["index"], columns["spread"], columns["fixing_days"], fixing_calendar)


@dataclass(frozen=True, slots=True)
class FloatingLeg:
    """The floating coupons of P positions, `notional` (P) signed.

    For each of the periods: the day on which its rate is fixed, and the index rate; NaN where it was not fixed.
    """

    periods: Periods
    notional: Floats
    index: IndexTerms
    fixing_day: Ints
    rate: Floats

    @classmethod
    def of(cls, terms: Accruing, notional: Floats, index: IndexTerms) -> Self:
        """The leg before any fixing is known."""
        periods = accrual_periods(terms)
        own = index[periods.schedule.owner]
        day = business_days_before(periods.schedule.start, own.fixing_calendar, own.fixing_days)
        return cls(periods, notional, index, day, np.full(day.size, np.nan))

    def past_fixings(self, valuation: int) -> PastFixings:
        """The fixings of days before the valuation date that coupons still to be paid hang on."""
        past = np.flatnonzero((self.fixing_day < valuation) & (self.periods.payment > valuation))
        owner = self.periods.schedule.owner[past]
        return PastFixings(owner, self.index.name[owner], self.fixing_day[past])

    def fixed(self, fixings: Fixings, valuation: int) -> Self:
        """The leg with what its index was fixed at, on the valuation date too if that is known already."""
        known = np.flatnonzero((self.fixing_day <= valuation) & (self.periods.payment > valuation))
        rate = self.rate.copy()
        rate[known] = fixings.find(self.index.name[self.periods.schedule.owner[known]], self.fixing_day[known])
        return replace(self, rate=rate)

    def accrued(self, valuation: int) -> Floats:
        """Interest accrued (P); NaN where its fixing is missing."""
        owner = self.periods.schedule.owner
        yearly = self.notional[owner] * (self.rate + self.index.spread[owner])
        return self.periods.accrued(yearly, valuation)

    def is_due(self, valuation: int) -> Bools:
        """Which coupons a holder at the valuation date is still paid."""
        due = self.periods.payment > valuation
        due[self.periods.trading_ex(valuation)] = False
        return due

    def known_amounts(self) -> Floats:
        """What of each coupon does not hang on the market.

        A coupon at a rate still to be projected is notional · (P(start) / P(end) - 1 + spread · years), P being discount
        factors of the projection curve; its first term hangs on the market, the others do not.
        """
        owner, years = self.periods.schedule.owner, self.periods.years
        spread, notional = self.index.spread[owner], self.notional[owner]
        return notional * np.where(np.isnan(self.rate), spread * years - 1.0, (self.rate + spread) * years)


def past_fixings(terms: _Dated, leg_of: Callable[[_Dated], FloatingLeg], valuation: int) -> PastFixings:
    """The fixings of days before the valuation date on which positions hang that have not matured, piece by piece."""
    alive = np.flatnonzero(terms.maturity > valuation)
    found = [PastFixings(alive[:0], alive[:0], alive[:0])]
    for some in pieces(alive, terms.sizes[alive], _PIECE):
        needed = leg_of(terms.take(some)).past_fixings(valuation)
        found.append(needed._replace(position=some[needed.position]))
    return PastFixings(*map(np.concatenate, zip(*found, strict=True)))


@dataclass(frozen=True, slots=True)
class Payments:
    """Payments of known amounts: the position, the day and the amount of each."""

    owner: Ints
    date: Ints
    amount: Floats


@dataclass(frozen=True, slots=True)
class FloatingFlows:
    """What P positions still pay: the coupons of a floating leg, and other payments, of which `other_accrued` (P) has accrued.

    `has_credit`: credit spreads are part of their discount factors.
    """

    terms: DebtTerms
    valuation: int
    leg: FloatingLeg
    others: Payments
    other_accrued: Floats
    has_credit: bool

    def fixed(self, fixings: Fixings) -> Self:
        """The same, with what is known of the leg's rates."""
        return replace(self, leg=self.leg.fixed(fixings, self.valuation))

    @property
    def accrued(self) -> Floats:
        """Interest accrued at the valuation date (P)."""
        return self.other_accrued + self.leg.accrued(self.valuation)

    def known(self) -> CashFlows:
        """All that does not hang on the market."""
        due = np.flatnonzero(self.leg.is_due(self.valuation))
        owner = np.concatenate((self.others.owner, self.leg.periods.schedule.owner[due]))
        date = np.concatenate((self.others.date, self.leg.periods.payment[due]))
        amount = np.concatenate((self.others.amount, self.leg.known_amounts()[due]))
        # Two runs that are in order already, which a stable sort of one key merges.
        order = np.argsort(owner * _DATES + date, kind="stable")
        return CashFlows.after(self.valuation, self.terms, owner[order], date[order], amount[order], self.other_accrued)

    def projected(self) -> Ints:
        """The periods of the leg whose coupons hang on the projection curve."""
        return np.flatnonzero(self.leg.is_due(self.valuation) & np.isnan(self.leg.rate))
