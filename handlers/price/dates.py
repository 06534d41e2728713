"""Dates as whole days since 1970-01-01, and months as whole months since January 1890, over arrays.

Terms lie between FIRST_DAY and LAST_DAY; the tables below reach ten years further on both sides, so that a roll past
either end of a schedule needs no check.
"""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

from handlers.price.arrays import Bools, Ints

# Narrow, because the tables are read at random places and should stay in the cache.
Months = npt.NDArray[np.int32]

_EPOCH = date(1970, 1, 1)
_EPOCH_ORDINAL = _EPOCH.toordinal()

FIRST_DATE, LAST_DATE = date(1900, 1, 1), date(2299, 12, 31)
FIRST_DAY, LAST_DAY = FIRST_DATE.toordinal() - _EPOCH_ORDINAL, LAST_DATE.toordinal() - _EPOCH_ORDINAL

_BOUNDS = np.arange("1890-01", "2310-02", dtype="M8[M]").astype("M8[D]").astype(np.int64)
_STARTS, _LENGTHS = _BOUNDS[:-1], np.diff(_BOUNDS)
_TABLE_DAY = int(_BOUNDS[0])
_MONTHS = np.repeat(np.arange(_STARTS.size, dtype=np.int32), _LENGTHS)
_DAYS = (np.arange(_MONTHS.size, dtype=np.int32) - (_STARTS - _TABLE_DAY)[_MONTHS] + 1).astype(np.int32)

# Row d: day d of every month, clipped to its end.
_BY_DAY_OF_MONTH: Ints = _STARTS + np.minimum(np.arange(32)[:, None], _LENGTHS) - 1

_THIRTIES = (30 * _MONTHS + np.minimum(_DAYS, 30)).astype(np.int32)
_31STS: Bools = _DAYS == 31


def to_day(value: date) -> int:
    """Days since 1970-01-01."""
    return value.toordinal() - _EPOCH_ORDINAL


def to_date(day: int) -> date:
    """The inverse of `to_day`."""
    return _EPOCH + timedelta(days=day)


def after(day: date, tenor: str) -> int:
    """The day that lies a tenor such as 5D, 2W, 3M or 10Y after another, in any year, clipped to the month's end."""
    count, unit = int(tenor[:-1]), tenor[-1]
    if unit in "DW":
        return to_day(day) + count * (7 if unit == "W" else 1)
    months = np.datetime64(day, "M").astype(np.int64) + count * (12 if unit == "Y" else 1)
    first, next_first = np.array([months, months + 1]).astype("M8[M]").astype("M8[D]").astype(np.int64).tolist()
    return int(min(first + day.day, next_first) - 1)


def month_of(day: Ints) -> Months:
    """The month in which each day lies."""
    return _MONTHS[day - _TABLE_DAY]


def month_and_day(day: Ints) -> tuple[Months, Months]:
    """The month of each day, and its day in that month, 1 to 31."""
    place = day - _TABLE_DAY
    return _MONTHS[place], _DAYS[place]


def thirty_day_months(day: Ints) -> Months:
    """Each day in a calendar whose months have 30 days: 30 · month + day in the month, the 31st as the 30th."""
    return _THIRTIES[day - _TABLE_DAY]


def is_31st(day: Ints) -> Bools:
    """Whether each day is a 31st."""
    found: Bools = _31STS[day - _TABLE_DAY]
    return found


def in_month(month: Ints | Months, day_of_month: Ints | Months) -> Ints:
    """That day of that month, clipped to the month's end."""
    return _STARTS[month] + np.minimum(day_of_month, _LENGTHS[month]) - 1


def rolled(first: Months, day_of_month: Months, step: Ints, bounds: Ints) -> Ints:
    """The days of P rolls, flat: `bounds[i]` to `bounds[i + 1]` (at least one each) are that day of the month `first` and of
    those that come each `step` months later, clipped to the month's end.
    """
    start = day_of_month.astype(np.int64) * _STARTS.size + first
    place = np.repeat(step, np.diff(bounds))
    place[bounds[:-1]] = start
    place[bounds[1:-1]] -= (start + step * (np.diff(bounds) - 1))[:-1]
    return _BY_DAY_OF_MONTH.ravel()[np.cumsum(place, out=place)]


def add_months(day: Ints, months: Ints) -> Ints:
    """The day so many months later (earlier when negative), clipped to the month's end."""
    month, day_of_month = month_and_day(day)
    return in_month(month + months, day_of_month)


def is_month_end(day: Ints) -> Bools:
    """Whether each day is the last of its month."""
    found: Bools = month_of(day + 1) != month_of(day)
    return found


def month_end(day: Ints) -> Ints:
    """The last day of the month in which each day lies."""
    return _BOUNDS[month_of(day) + 1] - 1
