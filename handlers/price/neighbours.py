"""The order in which positions are priced: those that are paid on the same days lie side by side."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from handlers.price.arrays import Ints, members
from handlers.price.curves import DAYS_OF_MONTH
from handlers.price.dates import LAST_DAY, month_and_day

# Fewer positions share few days in any order.
_MANY = 1_000

# Fewer flows are not worth steps of their own.
_MANY_FLOWS = 20_000


class Paid(Protocol):
    """Terms of P positions, of which the currency and the last payment tell on which nodes of the curves they lie.

    `sizes` is about how many flows each has.
    """

    @property
    def currency(self) -> Ints: ...
    @property
    def maturity(self) -> Ints: ...
    @property
    def sizes(self) -> Ints: ...


def side_by_side(terms: Paid, chosen: Ints) -> Ints:
    """The chosen positions by currency and by the day of the month on which they are paid, as schedules roll from maturity.

    Neighbours then read the same few discount factors, which stay in the cache, and parts of the book have few nodes each.
    """
    if chosen.size < _MANY:
        return chosen
    _, day_of_month = month_and_day(np.minimum(terms.maturity[chosen], LAST_DAY))  # holdings never mature
    _, currency = np.unique(terms.currency[chosen], return_inverse=True)
    return chosen[np.argsort(currency * DAYS_OF_MONTH + day_of_month, kind="stable")]


def by_currency(terms: Paid, ordered: Ints) -> list[Ints]:
    """Positions in this order, those of each currency apart if they have many flows on average.

    Flows on one curve can be summed by samples.
    """
    found, place = np.unique(terms.currency[ordered], return_inverse=True)
    if int(terms.sizes[ordered].sum()) < found.size * _MANY_FLOWS:
        return [ordered]
    return [ordered[some] for some in members(place, found.size)]
