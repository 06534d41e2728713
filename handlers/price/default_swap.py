"""Credit default swaps as they stand in the contract: premiums still to be paid, and spans of time over which default counts.

Conventions of the ISDA CDS Standard Model (cdsmodel.com), whose clock stands at the end of each day. Premiums accrue from
the first day of a period to the day before its end, in the last period to the end itself. A premium is paid in full if there
was no default until the day before it; otherwise what accrued until the default is paid, with half a day more than the clock
says. The buyer is protected through the last day. Dates of periods move to the following business day, but for the end.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from handlers.price.adjustment import FOLLOWING, adjust
from handlers.price.arrays import Columnar, Floats, Ints, offsets
from handlers.price.ladder import Paid, paid_by_day
from handlers.price.schedule import build

# A period accrues from the end of the day before it, and the model adds half a day.
_ACCRUAL_LEAD = 1.5

# The mean length of spans in days, at least: weeks, cut by premiums and by so many pillars.
_SHORTEST = 5
_PILLARS = 20

# A position's place and a day as one number: days of the calendar are less than 2**23 apart.
_SHIFT = 2**23


@dataclass(frozen=True, slots=True)
class DefaultSwapTerms(Columnar):
    """Terms of P swaps; a positive notional is protection bought.

    Protection runs from `start` to `end`; `maturity` is the last payment, which may have moved off a holiday. The buyer pays
    `coupon` a year, of `basis` days, and `upfront`, a share of the notional, on `upfront_date`.
    """

    currency: Ints
    notional: Floats
    issuer: Ints
    rating: Ints
    start: Ints
    end: Ints
    maturity: Ints
    coupon: Floats
    basis: Ints
    frequency: Ints
    stub: Ints
    first_coupon: Ints
    calendar: Ints
    recovery: Floats
    upfront: Floats
    upfront_date: Ints

    @property
    def sizes(self) -> Ints:
        """About how many premiums and spans each position has, at most."""
        return (self.end - self.start) // _SHORTEST + _PILLARS


@dataclass(frozen=True, slots=True)
class Premiums:
    """Premiums after the valuation date, flat over P positions in time order.

    Each belongs to its `owner`, accrues from `start`, is paid on `payment` and comes to the signed `amount`. `accrued` (P) is
    what accrued through the valuation date.
    """

    terms: DefaultSwapTerms
    valuation: int
    owner: Ints
    start: Ints
    payment: Ints
    amount: Floats
    accrued: Floats


def following(day: Ints, calendar: Ints) -> Ints:
    """The first business day from each day on."""
    return adjust(day, calendar, np.full(day.size, FOLLOWING))


def premiums(terms: DefaultSwapTerms, valuation: int) -> Premiums:
    """What swaps that have not matured still pay in premiums."""
    schedule = build(terms.start, terms.end, 12 // terms.frequency, terms.stub, terms.first_coupon)
    calendar = terms.calendar[schedule.owner]
    start, payment = following(schedule.start, calendar), following(schedule.end, calendar)
    stop = payment.copy()
    stop[schedule.last] = terms.end + 1
    days = np.maximum(stop - start, 0)
    daily = -terms.notional * terms.coupon / terms.basis
    ahead = payment > valuation
    owner = schedule.owner[ahead]
    current = schedule.bounds[1:] - np.bincount(owner, minlength=terms.end.size)
    accrued = daily * np.clip(valuation + 1 - start[current], 0, days[current])
    return Premiums(terms, valuation, owner, start[ahead], payment[ahead], daily[owner] * days[ahead], accrued)


def payments(flows: Premiums) -> Paid:
    """What the contract has the buyer pay while there is no default: premiums, and what is due upfront."""
    terms = flows.terms
    due = np.flatnonzero((terms.upfront != 0.0) & (terms.upfront_date > flows.valuation))
    owner, day = np.concatenate((flows.owner, due)), np.concatenate((flows.payment, terms.upfront_date[due]))
    amount = np.concatenate((flows.amount, -(terms.notional * terms.upfront)[due]))
    return paid_by_day(terms.end.size, owner, day, amount)[0]


@dataclass(frozen=True, slots=True)
class Spans:
    """Spans of days, flat over P positions in time order, from the end of day `first` to the end of day `last`.

    Within one, no curve has a pillar and no period begins or ends. A default at a time t of it is worth
    `base` + `slope` · (t - first), t in days.
    """

    owner: Ints
    first: Ints
    last: Ints
    base: Floats
    slope: Floats


def spans(flows: Premiums, owner: Ints, pillar: Ints) -> Spans:
    """The spans until each position ends, cut at those of the days `pillar` of their `owner` that lie within."""
    terms, today = flows.terms, flows.valuation
    begin = np.maximum(terms.start, today + 1) - 1
    period_begin = np.maximum(flows.start - 1, begin[flows.owner])
    within = (pillar > begin[owner]) & (pillar < terms.maturity[owner])
    everyone = np.arange(terms.end.size)
    owners = np.concatenate((flows.owner, everyone, everyone, everyone, owner[within]))
    ends = np.maximum(terms.maturity - 1, begin), np.maximum(terms.end, begin)
    days = np.concatenate((period_begin, begin, *ends, pillar[within])) - today
    # Each of these parts is in order, and a stable sort merges such runs.
    cuts = np.sort(owners * _SHIFT + days, kind="stable")
    cut_owner, cut_day = np.divmod(cuts, _SHIFT)
    inner = np.flatnonzero((cut_owner[1:] == cut_owner[:-1]) & (cut_day[1:] > cut_day[:-1]))
    of, first, last = cut_owner[inner], cut_day[inner] + today, cut_day[inner + 1] + today
    period = np.searchsorted(flows.owner * _SHIFT + (period_begin - today), cuts[inner], side="right") - 1
    return _valued(flows, of, first, last, np.maximum(period, offsets(np.bincount(flows.owner))[of]))


def _valued(flows: Premiums, owner: Ints, first: Ints, last: Ints, period: Ints) -> Spans:
    """`period` is the one in which each span lies, or the first one if it lies before that."""
    terms = flows.terms
    loss = np.where(last <= terms.end[owner], (terms.notional * (1.0 - terms.recovery))[owner], 0.0)
    daily = (-terms.notional * terms.coupon / terms.basis)[owner]
    start = flows.start[period]
    slope = np.where((first >= start - 1) & (last < flows.payment[period]), daily, 0.0)
    return Spans(owner, first, last, loss + slope * (first - start + _ACCRUAL_LEAD), slope)
