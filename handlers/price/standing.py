"""What stands behind the cash flows of loans and bonds: balances, and times by their own day counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from handlers.price.accrual import Periods
from handlers.price.amortization import Facility
from handlers.price.arrays import Bools, Floats, Ints
from handlers.price.daycount import partial_fractions
from handlers.price.interpolation import DAYS_A_YEAR
from handlers.price.segments import running_sums


class Lent(Protocol):
    """Terms of P loans or bonds, as in `LendingTerms`."""

    @property
    def start(self) -> Ints: ...
    @property
    def day_count(self) -> Ints: ...
    @property
    def frequency(self) -> Ints: ...
    @property
    def facility(self) -> Facility: ...
    @property
    def recovery(self) -> Floats: ...
    @property
    def quote(self) -> Floats: ...


@dataclass(frozen=True, slots=True)
class Standing:
    """The periods of P positions, the `balance` during each as scheduled, and what is `left` of it after prepayments (one for
    each that is still to be paid; None: all).
    """

    terms: Lent
    valuation: int
    periods: Periods
    balance: Floats
    left: Floats | None

    @property
    def ahead(self) -> Bools:
        """The periods that are still to be paid, in the order of the cash flows."""
        found: Bools = self.periods.payment > self.valuation
        return found

    def losses_given_default(self) -> Floats:
        """What default before each payment to come would cost (F), of the balance and of what is drawn in its face."""
        ahead, facility = self.ahead, self.terms.facility
        owner = self.periods.schedule.owner[ahead]
        exposure = self.balance[ahead] + (facility.undrawn * facility.conversion)[owner]
        if self.left is not None:
            exposure *= self.left
        return exposure * (1.0 - self.terms.recovery)[owner]

    def outstanding(self, bounds: Ints) -> Floats:
        """The balance at the valuation date, or at the start if that comes later (P)."""
        return self.balance[self._current(bounds)]

    def times(self, bounds: Ints) -> Floats:
        """Years to each payment (F): the year fractions of the periods until then, the current one's from the valuation on.

        Before the start the days until then / 365 are added.
        """
        terms, schedule, current = self.terms, self.periods.schedule, self._current(bounds)
        start = schedule.start[current]
        stop = np.clip(self.valuation, start, schedule.end[current])
        elapsed = partial_fractions(schedule, current, start, stop, terms.day_count, terms.frequency)
        wait = np.maximum(terms.start - self.valuation, 0) / DAYS_A_YEAR
        years = self.periods.years[self.ahead]
        years[bounds[:-1]] += wait - elapsed
        return running_sums(years, bounds)

    def _current(self, bounds: Ints) -> Ints:
        """The period whose payment comes next, of each position."""
        current: Ints = self.periods.schedule.bounds[1:] - np.diff(bounds)
        return current
