"""What indices, and currency pairs, were fixed at."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import numpy as np

from handlers.price.arrays import Floats, Ints, distinct
from handlers.price.dates import to_day
from handlers.price.names import name_code


class Fixings:
    """By name code: the days of the fixings, ascending, and their values. They are facts, so no scenario moves them."""

    def __init__(self, fixings: Mapping[str, Mapping[date, float]]) -> None:
        """The fixings of a market snapshot, by name and date."""
        self.quoted = {name_code(name): values for name, values in fixings.items()}
        self.series: dict[int, tuple[Ints, Floats]] = {}

    def find(self, name: Ints, day: Ints) -> Floats:
        """The value of each name on each day; NaN where there is none."""
        values = np.full(day.size, np.nan)
        codes, place = distinct(name)
        for number, code in enumerate(codes.tolist()):
            if code in self.quoted:
                chosen = np.flatnonzero(place == number)
                values[chosen] = _on(*self._series(code), day[chosen])
        return values

    def _series(self, code: int) -> tuple[Ints, Floats]:
        """Those of one name as arrays, made when they are first asked for: most runs need few of a market's fixings."""
        if code not in self.series:
            self.series[code] = _series(self.quoted[code])
        return self.series[code]


def _series(values: Mapping[date, float]) -> tuple[Ints, Floats]:
    days = np.array([to_day(day) for day in values], dtype=np.int64)
    order = np.argsort(days)
    return days[order], np.array(list(values.values()), dtype=np.float64)[order]


def _on(days: Ints, values: Floats, wanted: Ints) -> Floats:
    if days.size == 0:
        return np.full(wanted.size, np.nan)
    place = np.minimum(np.searchsorted(days, wanted), days.size - 1)
    return np.where(days[place] == wanted, values[place], np.nan)
