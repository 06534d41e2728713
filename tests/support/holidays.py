"""Writes handlers/price/holidays.txt.gz from QuantLib's calendars: `python -m tests.support.holidays`.

To be run again when a new QuantLib knows other holidays; the tests compare what is written with the one installed.
"""

from __future__ import annotations

import gzip
from datetime import date, timedelta
from itertools import groupby
from pathlib import Path

import QuantLib as ql  # noqa: N813  its own examples call it so

from handlers.price import calendars

FILE = Path(calendars.__file__).with_name("holidays.txt.gz")
FIRST, LAST = date(1901, 1, 1), date(2199, 12, 31)

CALENDARS = {
    "NONE": ql.NullCalendar(),
    "WEEKENDS": ql.WeekendsOnly(),
    "TARGET": ql.TARGET(),
    "US": ql.UnitedStates(ql.UnitedStates.Settlement),
    "US_GOVERNMENT_BOND": ql.UnitedStates(ql.UnitedStates.GovernmentBond),
    "US_FED": ql.UnitedStates(ql.UnitedStates.FederalReserve),
    "US_NYSE": ql.UnitedStates(ql.UnitedStates.NYSE),
    "UK": ql.UnitedKingdom(ql.UnitedKingdom.Settlement),
    "CA": ql.Canada(ql.Canada.Settlement),
    "AU": ql.Australia(ql.Australia.Settlement),
    "NZ": ql.NewZealand(),
    "JP": ql.Japan(),
    "CH": ql.Switzerland(),
    "SE": ql.Sweden(),
    "NO": ql.Norway(),
    "DK": ql.Denmark(),
    "PL": ql.Poland(ql.Poland.Settlement),
    "CZ": ql.CzechRepublic(),
}


def quantlib_date(day: date) -> ql.Date:
    return ql.Date(day.day, day.month, day.year)


def holidays(name: str) -> list[date]:
    """The holidays of a calendar that are no Saturdays or Sundays."""
    calendar, days = CALENDARS[name], (FIRST + timedelta(place) for place in range((LAST - FIRST).days + 1))
    return [day for day in days if day.weekday() < 5 and calendar.isHoliday(quantlib_date(day))]


def _section(name: str) -> str:
    years = groupby(holidays(name), key=lambda day: day.year)
    lines = (" ".join([str(year), *(f"{day:%m%d}" for day in days)]) for year, days in years)
    return "\n".join([name, *lines, ""])


def main() -> None:
    FILE.write_bytes(gzip.compress("\n".join(map(_section, calendars.PLACES)).encode("ascii"), mtime=0))


if __name__ == "__main__":
    main()
