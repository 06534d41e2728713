"""Day counts and accruals against published examples."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.price import daycount
from handlers.price.dates import FIRST_DAY, LAST_DAY, to_date, to_day
from tests.unit.handlers.price.books import BOND, value

month_ends = st.sampled_from([to_day(date(2026, month, day)) for month in (1, 3, 5) for day in (29, 30, 31)])
day_numbers = st.integers(FIRST_DAY, LAST_DAY) | month_ends


def fraction(rule: str, start: date, end: date) -> float:
    count = {"30/360": daycount.thirty_360, "30E/360": daycount.thirty_e_360, "ACT/360": daycount.act_360}[rule]
    return float(count(np.array([to_day(start)]), np.array([to_day(end)]))[0])


# ISDA, "30/360 day count conventions" (isda.org, 22 December 2008), whose examples QuantLib's daycounters.cpp has too: days by
# 2006 Definitions 4.16 (f) and (g).
ISDA_EXAMPLES = [
    (date(2006, 8, 20), date(2007, 2, 20), 180, 180),
    (date(2007, 2, 20), date(2007, 8, 20), 180, 180),
    (date(2006, 8, 31), date(2007, 2, 28), 178, 178),
    (date(2007, 2, 28), date(2007, 8, 31), 183, 182),
    (date(2007, 8, 31), date(2008, 2, 29), 179, 179),
    (date(2008, 2, 29), date(2008, 8, 31), 182, 181),
    (date(2008, 8, 31), date(2009, 2, 28), 178, 178),
    (date(2009, 2, 28), date(2009, 8, 31), 183, 182),
    (date(2006, 1, 31), date(2006, 2, 28), 28, 28),
    (date(2006, 1, 30), date(2006, 2, 28), 28, 28),
    (date(2006, 2, 28), date(2006, 3, 3), 5, 5),
    (date(2006, 2, 14), date(2006, 2, 28), 14, 14),
    (date(2006, 9, 30), date(2006, 10, 31), 30, 30),
    (date(2006, 10, 31), date(2006, 11, 28), 28, 28),
    (date(2007, 8, 31), date(2008, 2, 28), 178, 178),
    (date(2008, 2, 28), date(2008, 8, 28), 180, 180),
    (date(2008, 2, 28), date(2008, 8, 30), 182, 182),
    (date(2008, 2, 28), date(2008, 8, 31), 183, 182),
    (date(2007, 2, 26), date(2008, 2, 28), 362, 362),
    (date(2007, 2, 26), date(2008, 2, 29), 363, 363),
    (date(2008, 2, 29), date(2009, 2, 28), 359, 359),
    (date(2008, 2, 28), date(2008, 3, 30), 32, 32),
    (date(2008, 2, 28), date(2008, 3, 31), 33, 32),
]


@pytest.mark.parametrize(("start", "end", "days_f", "days_g"), ISDA_EXAMPLES)
def test_30_360_counts_the_days_that_isda_publishes(start: date, end: date, days_f: int, days_g: int) -> None:
    assert fraction("30/360", start, end) * 360 == pytest.approx(days_f)
    assert fraction("30E/360", start, end) * 360 == pytest.approx(days_g)


def test_act_360_divides_a_leap_year_by_360() -> None:
    assert fraction("ACT/360", date(2024, 1, 1), date(2025, 1, 1)) == 366 / 360


def interest(start: str, end: str, until: date, frequency: int, **terms: str) -> float:
    """ACT/ACT ISMA interest on 100 at 10 %, accrued until a day within the first period."""
    terms = {"stub": "short_first"} | terms
    bond = BOND | {
        "notional": 100.0,
        "coupon": 0.10,
        "day_count": "ACT/ACT ISMA",
        "start_date": start,
        "maturity_date": end,
        "frequency": frequency,
    }
    return value(bond | terms, "ACCRUED", valuation=until)


# ISDA, "EMU and market conventions: recent developments" (1998), section 4: the same periods under rule 251.
def test_the_isda_memorandums_semi_annual_period_accrues_by_rule_251() -> None:
    """1 November 2003 to 1 May 2004, accrued over the whole but its last day: 181 of 182 days of half a year."""
    found = interest("2003-11-01", "2008-05-01", date(2004, 4, 30), 2)
    assert found == pytest.approx(10.0 * 181 / (182 * 2))


def test_the_isda_memorandums_short_first_period_accrues_by_rule_251() -> None:
    """1 February 1999 to 1 July 1999 of an annual bond: 150 of 365 days."""
    found = interest("1999-02-01", "2003-07-01", date(1999, 6, 30), 1)
    assert found == pytest.approx(10.0 * 149 / 365)


def test_the_isda_memorandums_long_first_period_accrues_by_rule_251() -> None:
    """15 August 2002 to 15 July 2003, semi-annual: 153 of 184 days of one half year and all 181 of the next."""
    found = interest("2002-08-15", "2005-07-15", date(2003, 7, 14), 2, stub="long_first", first_coupon_date="2003-07-15")
    assert found == pytest.approx(10.0 * (153 / (184 * 2) + 180 / (181 * 2)))


def test_the_isda_memorandums_short_final_period_accrues_by_rule_251() -> None:
    """30 January 2000 to 30 June 2000, semi-annual, rolled from 30 July 1999: 152 of 182 days of half a year."""
    found = interest("1999-07-30", "2000-06-30", date(2000, 6, 29), 2, stub="short_last")
    assert found == pytest.approx(10.0 * 151 / (182 * 2))


@given(st.lists(st.tuples(day_numbers, day_numbers, st.sampled_from(list(daycount.DAY_COUNTS_BY_DATES.values()))), min_size=1))
def test_fractions_of_many_days_are_those_of_each_by_its_own_convention(periods: list[tuple[int, int, int]]) -> None:
    start, end, rule = (np.array(column) for column in zip(*periods, strict=True))
    found = daycount.fractions_between(start, end, rule)
    assert found.tolist() == [by_the_book(*period) for period in periods]


def by_the_book(start: int, end: int, rule: int) -> float:
    """2006 ISDA Definitions, section 4.16, written out for one period."""
    if rule in (daycount.ACT_365F, daycount.ACT_360):
        return (end - start) / (360.0 if rule == daycount.ACT_360 else 365.0)
    first, last = to_date(start), to_date(end)
    first_day, last_day = min(first.day, 30), last.day
    if rule == daycount.THIRTY_E_360 or first_day == 30:
        last_day = min(last_day, 30)
    return (360 * (last.year - first.year) + 30 * (last.month - first.month) + last_day - first_day) / 360.0
