"""What positions still pay, day by day: the buckets of CASHFLOWS."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from handlers.price.arrays import Floats, Ints, distinct, offsets
from handlers.price.currencies import currency_text
from handlers.price.dates import to_date
from handlers.price.names import NOTHING


class Paid(NamedTuple):
    """What P positions pay, position i from `bounds[i]` to `bounds[i + 1]`: days, each once, and amounts in its currency.

    `other` is the currency of payments in another one, after those of the position's own, `NOTHING` for these; None: there are
    only these.
    """

    bounds: Ints
    date: Ints
    amount: Floats
    other: Ints | None = None

    @property
    def currencies(self) -> Ints:
        """The currency of each payment, `NOTHING` for the position's own."""
        return np.full(self.date.size, NOTHING) if self.other is None else self.other


def paid_by_day(positions: int, owner: Ints, date: Ints, amount: Floats) -> tuple[Paid, Ints]:
    """Payments of these positions with those of one day added up, and which of the sums each is part of."""
    if date.size == 0:
        return Paid(offsets(np.zeros(positions, dtype=np.int64)), date, amount), date
    first = int(date.min())
    horizon = int(date.max()) - first + 1
    keys, place = distinct(owner * horizon + (date - first))
    bounds = offsets(np.bincount(keys // horizon, minlength=positions))
    sums = np.bincount(place, amount, minlength=keys.size).astype(np.float64, copy=False)
    return Paid(bounds, keys % horizon + first, sums), place


@dataclass(frozen=True, slots=True)
class Ladder:
    """The payments of some positions of a book, at their places `chosen` in it."""

    chosen: Ints
    payments: Paid

    @classmethod
    def of(cls, parts: Sequence[tuple[Ints, Paid]]) -> Ladder:
        """One ladder of the payments of several parts of a book."""
        nothing = np.empty(0, dtype=np.int64)
        counts = [np.diff(payments.bounds) for _, payments in parts]
        return cls(
            np.concatenate([nothing, *(chosen for chosen, _ in parts)]),
            Paid(
                offsets(np.concatenate([nothing, *counts])),
                np.concatenate([nothing, *(payments.date for _, payments in parts)]),
                np.concatenate([np.empty(0), *(payments.amount for _, payments in parts)]),
                np.concatenate([nothing, *(payments.currencies for _, payments in parts)]),
            ),
        )

    def widths(self, positions: int) -> Ints:
        """How many rows each position of the book has; 1 where there are no payments."""
        widths = np.ones(positions, dtype=np.int64)
        widths[self.chosen] = np.maximum(np.diff(self.payments.bounds), 1)
        return widths

    def labels(self) -> list[str]:
        """The ISO date of each payment, after `<currency>:` where it is in another than the position's."""
        days, place = distinct(self.payments.date)
        texts = [to_date(day).isoformat() for day in days.tolist()]
        dates, currencies = [texts[each] for each in place.tolist()], self.payments.currencies
        for row in np.flatnonzero(currencies != NOTHING).tolist():
            dates[row] = f"{currency_text(int(currencies[row]))}:{dates[row]}"
        return dates
