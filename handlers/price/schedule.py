"""Coupon schedules of many positions at once: unadjusted, each roll counted from its anchor."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from handlers.price.arrays import Bools, Ints, offsets
from handlers.price.dates import Months, in_month, is_month_end, month_and_day, month_of, rolled

SHORT_FIRST, SHORT_LAST, LONG_FIRST = 0, 1, 2
STUBS = {"short_first": SHORT_FIRST, "short_last": SHORT_LAST, "long_first": LONG_FIRST}

FREQUENCIES = {1: 1, 2: 2, 4: 4, 12: 12}

NO_DATE = np.iinfo(np.int64).min

# In every month it is clipped to the last day.
_LAST_OF_MONTH = 31


@dataclass(frozen=True, slots=True)
class Schedule:
    """Accrual periods of P positions, flat: position i owns the periods `bounds[i]` to `bounds[i + 1]`, in time order.

    `owner` is the position of each period. `forward` (P) tells schedules that roll on from their start, `end_of_month` (P)
    those that roll from one month's end to another's. `irregular` are the periods that are not one step of the roll.
    """

    bounds: Ints
    owner: Ints
    start: Ints
    end: Ints
    forward: Bools
    end_of_month: Bools
    irregular: Ints

    @property
    def counts(self) -> Ints:
        """Periods of each position."""
        return np.diff(self.bounds)

    @property
    def place(self) -> Ints:
        """The number of each period within its position, from 0."""
        return np.arange(self.owner.size) - np.repeat(self.bounds[:-1], self.counts)

    @property
    def last(self) -> Ints:
        """The last period of each position."""
        return self.bounds[1:] - 1

    def moved(self, start: Ints, end: Ints) -> Schedule:
        """The same periods between other dates."""
        return replace(self, start=start, end=end)


@dataclass(frozen=True, slots=True)
class _Roll:
    """Rolls of P positions: each from its anchor (maturity, or start when `forward`) by `step` months."""

    start: Ints
    maturity: Ints
    step: Ints
    forward: Bools
    end_of_month: Bools
    month: Months
    day: Months

    @classmethod
    def of(cls, start: Ints, maturity: Ints, step: Ints, stub: Ints, end_of_month: Bools | None) -> _Roll:
        forward = stub == SHORT_LAST
        anchor = np.where(forward, start, maturity)
        month, day = month_and_day(anchor)
        at_end = np.zeros(forward.size, dtype=np.bool_)
        if end_of_month is not None and end_of_month.any():
            at_end = end_of_month & is_month_end(anchor)
            day = np.where(at_end, _LAST_OF_MONTH, day)
        return cls(start, maturity, np.where(forward, step, -step), forward, at_end, month, day)

    def date(self, steps: Ints) -> Ints:
        """The date so many steps from the anchor."""
        return in_month(self.month + self.step * steps, self.day)

    def steps_to(self, bound: Ints) -> Ints:
        """How many rolls lie strictly between the anchor and `bound`."""
        whole = np.abs(month_of(bound) - self.month) // np.abs(self.step)
        rolled = self.date(whole)
        steps: Ints = whole - np.where(self.forward, rolled >= bound, rolled <= bound)
        return steps


def build(
    start: Ints, maturity: Ints, step: Ints, stub: Ints, first_coupon: Ints, end_of_month: Bools | None = None
) -> Schedule:
    """The schedules from `start` to `maturity` (days) by `step` months.

    short_first: back from maturity, what remains is the first period. short_last: on from start, what remains is the
    last. long_first: back from maturity to `first_coupon`, which is always a coupon date; NO_DATE there means that
    what remains is joined to the first whole period. With `end_of_month`, a roll from a month's last day goes to months'
    last days.
    """
    roll = _Roll.of(start, maturity, step, stub, end_of_month)
    first_end = _first_ends(roll, stub, first_coupon)
    counts = _counts(roll, first_end)
    bounds = offsets(counts)
    owner = np.repeat(np.arange(counts.size), counts)
    first_month = np.where(roll.forward, roll.month + roll.step, roll.month + roll.step * (counts - 1))
    end = rolled(first_month, roll.day, step, bounds)
    irregular = _irregular(roll, first_end, bounds, end)
    end[bounds[1:] - 1] = maturity
    given = np.flatnonzero(first_end != NO_DATE)
    end[bounds[given]] = first_end[given]
    begin = np.empty_like(end)
    begin[1:] = end[:-1]
    begin[bounds[:-1]] = start
    return Schedule(bounds, owner, begin, end, roll.forward, roll.end_of_month, irregular)


def _first_ends(roll: _Roll, stub: Ints, first_coupon: Ints) -> Ints:
    """The first coupon date of each long_first schedule, NO_DATE for the others."""
    long = stub == LONG_FIRST
    if not long.any():
        return np.full(stub.size, NO_DATE)
    steps = roll.steps_to(roll.start)
    has_remainder = roll.date(steps + 1) != roll.start
    joined = roll.date(np.maximum(steps - has_remainder, 0))
    return np.where(long, np.where(first_coupon == NO_DATE, joined, first_coupon), NO_DATE)


def _counts(roll: _Roll, first_end: Ints) -> Ints:
    bound = np.where(roll.forward, roll.maturity, roll.start)
    given = first_end != NO_DATE
    steps = roll.steps_to(np.where(given, first_end, bound))
    counts: Ints = steps + 1 + given
    return counts


def _irregular(roll: _Roll, first_end: Ints, bounds: Ints, rolled: Ints) -> Ints:
    """Periods that begin or end off the roll; `rolled` are the ends before dates that are given replace them."""
    counts, first, last = np.diff(bounds), bounds[:-1], bounds[1:] - 1
    off_roll = (first_end != NO_DATE) & (first_end != rolled[first])
    odd_first = ~roll.forward & (off_roll | (roll.date(counts) != roll.start))
    odd_second = off_roll & (counts > 1)
    odd_last = roll.forward & (rolled[last] != roll.maturity)
    if not (odd_first.any() or odd_last.any()):
        return np.empty(0, dtype=np.int64)
    return np.concatenate((first[odd_first], first[odd_second] + 1, last[odd_last]))
