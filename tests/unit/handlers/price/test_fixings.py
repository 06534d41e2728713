"""Fixings by name and day."""

from __future__ import annotations

from datetime import date

import numpy as np

from handlers.price.dates import to_day
from handlers.price.fixings import Fixings
from handlers.price.names import name_code

SOFR, ESTR, EMPTY, ABSENT = map(name_code, ("SOFR", "ESTR", "EMPTY", "ABSENT"))
FIXINGS = Fixings({"SOFR": {date(2026, 1, 5): 0.04, date(2026, 1, 2): 0.03}, "ESTR": {date(2026, 1, 2): 0.02}, "EMPTY": {}})


def found(*wanted: tuple[int, date]) -> list[float]:
    names, days = zip(*wanted, strict=True)
    return FIXINGS.find(np.array(names), np.array([to_day(day) for day in days])).tolist()


def test_each_name_has_its_own_fixings_in_whatever_order_they_are_given() -> None:
    assert found((SOFR, date(2026, 1, 2)), (ESTR, date(2026, 1, 2)), (SOFR, date(2026, 1, 5))) == [0.03, 0.02, 0.04]
    assert found((ESTR, date(2026, 1, 2))) == [0.02], "asked for a second time"


def test_where_nothing_was_fixed_there_is_no_number() -> None:
    wanted = [(SOFR, date(2026, 1, 3)), (SOFR, date(2030, 1, 1)), (EMPTY, date(2026, 1, 2)), (ABSENT, date(2026, 1, 2))]
    assert np.isnan(found(*wanted)).all()
