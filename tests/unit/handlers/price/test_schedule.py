from __future__ import annotations

from datetime import date

import numpy as np

from handlers.price.dates import to_date, to_day
from handlers.price.schedule import LONG_FIRST, NO_DATE, SHORT_FIRST, SHORT_LAST, build


def dates(
    start: date, maturity: date, months: int, stub: int, first: date | None = None, *, end_of_month: bool = False
) -> list[str]:
    """The boundaries of one schedule's periods."""
    one = [
        np.array([number]) for number in (to_day(start), to_day(maturity), months, stub, to_day(first) if first else NO_DATE)
    ]
    schedule = build(*one, np.array([end_of_month]))
    assert (schedule.start[1:] == schedule.end[:-1]).all()
    return [to_date(day).isoformat() for day in (int(schedule.start[0]), *schedule.end.tolist())]


def test_short_first_rolls_back_from_maturity_and_clips_each_date_to_its_month() -> None:
    found = dates(date(2025, 12, 10), date(2026, 8, 31), 3, SHORT_FIRST)
    assert found == ["2025-12-10", "2026-02-28", "2026-05-31", "2026-08-31"]


def test_short_last_rolls_on_from_the_start() -> None:
    found = dates(date(2025, 8, 31), date(2026, 6, 15), 3, SHORT_LAST)
    assert found == ["2025-08-31", "2025-11-30", "2026-02-28", "2026-05-31", "2026-06-15"]


def test_long_first_rolls_back_to_the_first_coupon_date() -> None:
    found = dates(date(2025, 1, 10), date(2026, 12, 15), 6, LONG_FIRST, date(2025, 12, 15))
    assert found == ["2025-01-10", "2025-12-15", "2026-06-15", "2026-12-15"]


def test_long_first_without_a_first_coupon_date_joins_the_remainder_to_the_first_whole_period() -> None:
    found = dates(date(2025, 1, 10), date(2026, 6, 15), 6, LONG_FIRST)
    assert found == ["2025-01-10", "2025-12-15", "2026-06-15"]


def test_long_first_without_a_remainder_is_regular() -> None:
    found = dates(date(2025, 6, 15), date(2026, 6, 15), 6, LONG_FIRST)
    assert found == ["2025-06-15", "2025-12-15", "2026-06-15"]


def test_a_first_coupon_at_maturity_leaves_one_period() -> None:
    assert dates(date(2025, 6, 15), date(2026, 6, 15), 6, LONG_FIRST, date(2026, 6, 15)) == ["2025-06-15", "2026-06-15"]


def test_a_first_coupon_off_the_roll_is_a_coupon_date_all_the_same() -> None:
    found = dates(date(2025, 1, 10), date(2026, 6, 30), 6, LONG_FIRST, date(2025, 12, 31))
    assert found == ["2025-01-10", "2025-12-31", "2026-06-30"]


def test_a_span_shorter_than_a_period_is_one_period() -> None:
    for stub in (SHORT_FIRST, SHORT_LAST, LONG_FIRST):
        assert dates(date(2026, 1, 10), date(2026, 2, 1), 12, stub) == ["2026-01-10", "2026-02-01"]


def test_end_of_month_rolls_from_the_end_of_one_month_to_that_of_another() -> None:
    found = dates(date(2025, 6, 30), date(2026, 6, 30), 3, SHORT_LAST, end_of_month=True)
    assert found == ["2025-06-30", "2025-09-30", "2025-12-31", "2026-03-31", "2026-06-30"]
    found = dates(date(2023, 8, 31), date(2025, 2, 28), 6, SHORT_FIRST, end_of_month=True)
    assert found == ["2023-08-31", "2024-02-29", "2024-08-31", "2025-02-28"]


def test_end_of_month_leaves_rolls_from_other_days_alone() -> None:
    found = dates(date(2025, 6, 29), date(2026, 3, 29), 3, SHORT_LAST, end_of_month=True)
    assert found == ["2025-06-29", "2025-09-29", "2025-12-29", "2026-03-29"]


def test_a_start_one_day_before_the_end_of_a_month_leaves_a_period_of_a_day() -> None:
    found = dates(date(2025, 8, 30), date(2026, 2, 28), 6, SHORT_FIRST, end_of_month=True)
    assert found == ["2025-08-30", "2025-08-31", "2026-02-28"]
