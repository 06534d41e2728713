from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from handlers.price.arrays import offsets
from handlers.price.dates import after, month_and_day, rolled, to_date, to_day


@pytest.mark.parametrize(
    ("day", "tenor", "expected"),
    [
        ("2026-01-31", "1M", "2026-02-28"),
        ("2024-02-29", "1Y", "2025-02-28"),
        ("2024-02-29", "4Y", "2028-02-29"),
        ("2026-01-15", "3D", "2026-01-18"),
        ("2026-01-15", "2W", "2026-01-29"),
        ("1850-11-30", "3M", "1851-02-28"),
    ],
)
def test_a_tenor_ends_on_the_same_day_of_the_month_or_at_its_end(day: str, tenor: str, expected: str) -> None:
    assert after(date.fromisoformat(day), tenor) == to_day(date.fromisoformat(expected))


def test_the_longest_tenor_from_the_last_day_is_still_a_number() -> None:
    assert after(date(9999, 12, 31), "999Y") > to_day(date(9999, 12, 31))


def test_rolls_go_month_by_month_each_by_its_own_step_and_are_clipped_to_the_month_s_end() -> None:
    rolls = [("2026-01-31", 1, 4), ("2027-12-30", 3, 2), ("2024-02-29", 12, 1), ("2290-05-31", 1, 3)]
    months, days = month_and_day(np.array([to_day(date.fromisoformat(first)) for first, _, _ in rolls]))
    steps, counts = (np.array(column) for column in list(zip(*rolls, strict=True))[1:])
    found = rolled(months, days, steps, offsets(counts))
    assert [to_date(day).isoformat() for day in found.tolist()] == [
        *("2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30"),
        *("2027-12-30", "2028-03-30"),
        "2024-02-29",
        *("2290-05-31", "2290-06-30", "2290-07-31"),
    ]
