from __future__ import annotations

from datetime import date

import pytest

from handlers.price.dates import after, to_day


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
