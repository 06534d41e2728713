"""What indices, and currency pairs, were fixed at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Self

import numpy as np

from handlers.price.arrays import Floats, Ints, distinct
from handlers.price.dates import to_day
from handlers.price.names import name_code


@dataclass(frozen=True, slots=True)
class Fixings:
    """By name code: the days of the fixings, ascending, and their values. They are facts, so no scenario moves them."""

    series: Mapping[int, tuple[Ints, Floats]]

    @classmethod
    def of(cls, fixings: Mapping[str, Mapping[date, float]]) -> Self:
        """The fixings of a market snapshot, by name and date."""
        return cls({name_code(name): _series(values) for name, values in fixings.items()})

    def find(self, name: Ints, day: Ints) -> Floats:
        """The value of each name on each day; NaN where there is none."""
        values = np.full(day.size, np.nan)
        codes, place = distinct(name)
        for number, code in enumerate(codes.tolist()):
            if code in self.series:
                chosen = np.flatnonzero(place == number)
                values[chosen] = _on(*self.series[code], day[chosen])
        return values


def _series(values: Mapping[date, float]) -> tuple[Ints, Floats]:
    days = np.array([to_day(day) for day in values], dtype=np.int64)
    order = np.argsort(days)
    return days[order], np.array(list(values.values()), dtype=np.float64)[order]


def _on(days: Ints, values: Floats, wanted: Ints) -> Floats:
    if days.size == 0:
        return np.full(wanted.size, np.nan)
    place = np.minimum(np.searchsorted(days, wanted), days.size - 1)
    return np.where(days[place] == wanted, values[place], np.nan)
