"""Holidays and business days of calendars.

A calendar is a number: a bit for each place whose holidays it takes, so that joint calendars are unions. The days stand in
`holidays.txt.gz`, written by `tests/support/holidays.py` from QuantLib: under each name a line a year, with the holidays
that are no Saturdays or Sundays as month and day. They reach from 1901 to 2199; outside, only weekends are no business days.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from importlib.resources import files

import numpy as np

from handlers.price.arrays import Ints
from handlers.price.dates import FIRST_DAY, LAST_DAY, to_day

NONE, WEEKENDS = 0, 1
PLACES = (
    "TARGET", "US", "US_GOVERNMENT_BOND", "US_FED", "US_NYSE", "UK", "CA", "AU", "NZ", "JP", "CH", "SE", "NO", "DK", "PL", "CZ",
)  # fmt: skip
_CODES = {"NONE": NONE, "WEEKENDS": WEEKENDS} | {name: 1 << place for place, name in enumerate(PLACES, start=1)}

# Payments and fixings lie at most a few weeks off the dates of a contract.
_MARGIN = 3650
_TABLE_DAY = FIRST_DAY - _MARGIN
_TABLE_SIZE = LAST_DAY + _MARGIN - _TABLE_DAY + 1

# 1970-01-01 was a Thursday, and Saturday comes first here.
_SATURDAY_OFFSET = 5


@dataclass(frozen=True, slots=True)
class BusinessDays:
    """The business days of one calendar, over all days of the table.

    `ordered` are the business days; `before` counts, for each day, those that lie before it; `following` and `preceding` are
    the nearest business days, the day itself if it is one.
    """

    ordered: Ints
    before: Ints
    following: Ints
    preceding: Ints

    def place(self, day: Ints) -> Ints:
        """Where in the tables each day stands."""
        return day - _TABLE_DAY


def parse_calendar(text: str) -> int:
    """The number of a calendar such as `US` or, for days that are business days in both, `US+UK`; ValueError otherwise."""
    code = NONE
    for name in text.split("+"):
        if name not in _CODES:
            raise ValueError(f"must be one or, with a +, several of {', '.join(_CODES)}")
        code |= _CODES[name]
    return code


@lru_cache(maxsize=128)
def business_days(calendar: int) -> BusinessDays:
    """The business days of a calendar; all days are, of NONE."""
    days = np.arange(_TABLE_DAY, _TABLE_DAY + _TABLE_SIZE)
    is_open = np.ones(_TABLE_SIZE, dtype=np.bool_)
    if calendar != NONE:
        is_open = (days + _SATURDAY_OFFSET) % 7 > 1
    for place in PLACES:
        if calendar & _CODES[place]:
            is_open[holidays(place) - _TABLE_DAY] = False
    ordered = days[is_open]
    before: Ints = np.cumsum(is_open) - is_open
    following = ordered[np.minimum(before, ordered.size - 1)]
    preceding = ordered[np.maximum(before + is_open - 1, 0)]
    return BusinessDays(ordered, before, following, preceding)


def holidays(place: str) -> Ints:
    """The holidays of one place that are no Saturdays or Sundays, ascending."""
    return np.array([to_day(day) for day in _written(place)], dtype=np.int64)


def _written(place: str) -> Iterator[date]:
    text = gzip.decompress(files("handlers.price").joinpath("holidays.txt.gz").read_bytes()).decode("ascii")
    _, _, found = f"\n{text}".partition(f"\n{place}\n")
    for line in found.partition("\n\n")[0].splitlines():
        year, *days = line.split()
        yield from (date(int(year), int(day[:2]), int(day[2:])) for day in days)
