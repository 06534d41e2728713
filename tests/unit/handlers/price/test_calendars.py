"""Holidays and adjustment against QuantLib's calendars."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
import QuantLib as ql  # noqa: N813  its own examples call it so
from hypothesis import given, settings
from hypothesis import strategies as st

from handlers.price.adjustment import CONVENTIONS, adjust, business_days_before
from handlers.price.calendars import PLACES, business_days, holidays, parse_calendar
from handlers.price.dates import to_date, to_day
from tests.support.holidays import CALENDARS, FIRST, LAST, quantlib_date
from tests.unit.handlers.price import oracle
from tests.unit.handlers.price.books import days

names = st.one_of(st.sampled_from(list(CALENDARS)), st.lists(st.sampled_from(PLACES), min_size=2, max_size=3).map("+".join))


@pytest.mark.parametrize("place", PLACES)
def test_the_holidays_that_are_kept_are_quantlibs(place: str) -> None:
    """Its list of holidays ends a day before its last date."""
    last = ql.Date(30, 12, LAST.year)
    expected = [to_day(day.to_date()) for day in CALENDARS[place].holidayList(quantlib_date(FIRST), last, False)]
    if CALENDARS[place].isHoliday(quantlib_date(LAST)):
        expected.append(to_day(LAST))
    assert holidays(place).tolist() == expected


def test_every_calendar_that_can_be_named_is_compared() -> None:
    assert set(CALENDARS) == {"NONE", "WEEKENDS", *PLACES}
    for name in CALENDARS:
        parse_calendar(name)


# As published for 2026: closing days of T2 (ECB), holidays of the Federal Reserve Banks, bank holidays in England (gov.uk).
PUBLISHED = {
    "TARGET": "01-01 04-03 04-06 05-01 12-25",
    "US_FED": "01-01 01-19 02-16 05-25 06-19 09-07 10-12 11-11 11-26 12-25",
    "UK": "01-01 04-03 04-06 05-04 05-25 08-31 12-25 12-28",
}


@pytest.mark.parametrize("place", PUBLISHED)
def test_the_holidays_of_2026_are_those_that_were_published(place: str) -> None:
    """Those on Saturdays and Sundays apart."""
    found = [to_date(day).isoformat()[5:] for day in holidays(place).tolist() if to_date(day).year == 2026]
    assert found == PUBLISHED[place].split()


@given(st.lists(days(date(1905, 1, 1), date(2195, 1, 1)), min_size=1, max_size=20), names, st.sampled_from(list(CONVENTIONS)))
def test_days_are_adjusted_as_quantlib_does(some: list[date], name: str, convention: str) -> None:
    code, rule = np.full(len(some), parse_calendar(name)), np.full(len(some), CONVENTIONS[convention])
    found = adjust(np.array([to_day(day) for day in some]), code, rule)
    calendar, theirs = oracle.calendar(name), oracle.CONVENTIONS[convention]
    assert [to_date(day) for day in found.tolist()] == [calendar.adjust(quantlib_date(day), theirs).to_date() for day in some]


@settings(max_examples=50)
@given(st.lists(days(date(1905, 1, 1), date(2195, 1, 1)), min_size=1, max_size=20), names, st.integers(1, 30))
def test_business_days_are_counted_back_as_quantlib_does(some: list[date], name: str, count: int) -> None:
    code = np.full(len(some), parse_calendar(name))
    found = business_days_before(np.array([to_day(day) for day in some]), code, np.full(len(some), count))
    expected = [oracle.calendar(name).advance(quantlib_date(day), -count, ql.Days).to_date() for day in some]
    assert [to_date(day) for day in found.tolist()] == expected


def test_no_business_day_back_is_the_day_itself_or_the_business_day_before_it() -> None:
    friday_and_sunday = np.array([to_day(date(2026, 1, 16)), to_day(date(2026, 1, 18))])
    found = business_days_before(friday_and_sunday, np.full(2, parse_calendar("US")), np.zeros(2, dtype=np.int64))
    assert found.tolist() == [friday_and_sunday[0]] * 2


def test_days_of_many_calendars_and_conventions_are_adjusted_each_by_its_own() -> None:
    """Good Friday 2026 is 3 April, a holiday of TARGET and UK; 6 April, Easter Monday, too. 31 May 2026 is a Sunday."""
    dates = [date(2026, 4, 3)] * 4 + [date(2026, 5, 31)] * 3
    calendars = ["TARGET", "US", "TARGET", "NONE", "UK", "UK", "UK"]
    rules = ["following", "following", "preceding", "following", "modified_following", "following", "unadjusted"]
    found = adjust(
        np.array([to_day(day) for day in dates]),
        np.array([parse_calendar(name) for name in calendars]),
        np.array([CONVENTIONS[rule] for rule in rules]),
    )
    assert [to_date(day).isoformat()[5:] for day in found.tolist()] == [
        "04-07", "04-03", "04-02", "04-03", "05-29", "06-01", "05-31",
    ]  # fmt: skip


def test_beyond_the_holidays_that_are_known_only_weekends_are_no_business_days() -> None:
    us = business_days(parse_calendar("US"))
    weekends = business_days(parse_calendar("WEEKENDS"))
    beyond = to_day(date(2200, 1, 1))
    assert us.ordered[us.ordered >= beyond].tolist() == weekends.ordered[weekends.ordered >= beyond].tolist()


@pytest.mark.parametrize("wrong", ["", "us", "US+", "US UK", "+", "LONDON", "NONE+"])
def test_a_calendar_that_does_not_exist_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"must be one or, with a \+, several of NONE, WEEKENDS, TARGET, US"):
        parse_calendar(wrong)
