"""The terms that products read, and how one column of them becomes an array.

A value that is missing or wrong is a fault of its position, told in a sentence that begins with the field's name.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt

from events.text import IDENTIFIER_LENGTH, is_identifier, printable
from handlers.price.calendars import parse_calendar
from handlers.price.currencies import currency_code
from handlers.price.dates import FIRST_DATE, LAST_DATE, to_day
from handlers.price.names import name_code

_QUOTED_LENGTH = 40
Column = npt.NDArray[Any]
Faults = dict[int, str]


@dataclass(frozen=True, slots=True)
class Field:
    """One term of a product.

    `absent` is what stands for a value that is not given; None: it must be given. `numeric`: text files hold it as a
    number. `is_name`: its numbers are name codes, whose texts are kept beside them.
    """

    name: str
    parse: Callable[[Any], int | float]
    dtype: type = np.int64
    absent: int | float | None = None
    numeric: bool = False
    is_name: bool = False


def number(name: str, absent: float | None = None) -> Field:
    """A finite number."""
    return Field(name, parse_number, np.float64, absent, numeric=True)


def day(name: str, absent: int | None = None) -> Field:
    """An ISO date, as days."""
    return Field(name, parse_day, np.int64, absent)


def currency(name: str) -> Field:
    """Three capital letters, as a code."""
    return Field(name, parse_currency)


def calendar(name: str, absent: int | None = None) -> Field:
    """One or several calendars, as a number."""

    def parse(value: Any) -> int:
        return parse_calendar(value if type(value) is str else "")

    return Field(name, parse, absent=absent)


def flag(name: str) -> Field:
    """True or false, as 1 or 0; false if it is not given."""
    return Field(name, _parse_flag, absent=0)


def whole(name: str, most: int, absent: int | None = None) -> Field:
    """A whole number from 0 to `most`."""

    def parse(value: Any) -> int:
        found = parse_number(value)
        if not (found.is_integer() and 0 <= found <= most):
            raise ValueError(f"must be a whole number from 0 to {most}, not {quoted(value)}")
        return int(found)

    return Field(name, parse, absent=absent, numeric=True)


def name(field: str, code: Callable[[str], int] = name_code, absent: int | None = None) -> Field:
    """A name of up to 256 printable characters, as what `code` makes of it (see `handlers.price.names`)."""

    def parse(value: Any) -> int:
        if type(value) is not str or not is_identifier(value):
            raise ValueError(f"must be a name of 1 to {IDENTIFIER_LENGTH} printable characters, not {quoted(value)}")
        return code(value)

    return Field(field, parse, absent=absent, is_name=True)


def choice(name: str, choices: Mapping[Any, int], absent: int | None = None) -> Field:
    """One of a few values, as the number that stands for it."""

    def parse(value: Any) -> int:
        if type(value) is bool or not isinstance(value, str | int | float) or value not in choices:
            raise ValueError(f"must be one of {', '.join(map(str, choices))}, not {quoted(value)}")
        return choices[value]

    return Field(name, parse, absent=absent, numeric=all(type(key) is int for key in choices))


def _parse_flag(value: Any) -> int:
    """Text files hold the word, in whatever case their writer likes."""
    word = str(value).lower()
    if type(value) not in (bool, str) or word not in ("true", "false"):
        raise ValueError(f"must be true or false, not {quoted(value)}")
    return int(word == "true")


def parse_number(value: Any) -> float:
    if type(value) is not float and type(value) is not int:
        raise ValueError(f"must be a number, not {quoted(value)}")
    try:
        found = float(value)
    except OverflowError:
        found = math.inf
    if not math.isfinite(found):
        raise ValueError(f"must be finite, not {quoted(found)}")
    return found


def parse_day(value: Any) -> int:
    if type(value) is str and len(value) == 10 and value[4] == value[7] == "-":
        try:
            value = date.fromisoformat(value)
        except ValueError:
            raise ValueError(f"is no date of the calendar: {quoted(value)}") from None
    if type(value) is not date:
        raise ValueError(f"must be a date such as 2026-01-15, not {quoted(value)}")
    if not FIRST_DATE <= value <= LAST_DATE:
        raise ValueError(f"must lie between {FIRST_DATE} and {LAST_DATE}, not {value}")
    return to_day(value)


def parse_currency(value: Any) -> int:
    if type(value) is not str:
        raise ValueError(f"must be three capital letters such as USD, not {quoted(value)}")
    return currency_code(value)


def quoted(value: Any) -> str:
    """A value as a message can hold it."""
    if type(value) is str or type(value) is bytes:
        value = value[:_QUOTED_LENGTH]
    try:
        return printable(repr(value), _QUOTED_LENGTH)
    except ValueError:  # an integer too long to be written out
        return "a number too long to show"


def parse_column(field: Field, values: Sequence[Any]) -> tuple[Column, Faults]:
    """The values as an array of the field's type, and the faults by place; faulty places hold 0."""
    kinds = set(map(type, values))
    if kinds == {type(None)} and field.absent is not None:
        return np.full(len(values), field.absent, dtype=field.dtype), {}
    if field.dtype is np.float64 and kinds <= {float, int}:
        try:
            column = np.array(values, dtype=np.float64)
        except OverflowError:
            return _one_by_one(field, values)
        if np.isfinite(column).all():
            return column, {}
    if len(kinds) == 1 and kinds <= {str, int, date}:
        return _by_distinct_value(field, values)
    return _one_by_one(field, values)


def _by_distinct_value(field: Field, values: Sequence[Any]) -> tuple[Column, Faults]:
    """Books repeat themselves: each date, currency or convention is parsed once."""
    known: dict[Any, int | float] = {}
    for value in set(values):
        try:
            known[value] = field.parse(value)
        except ValueError:
            return _one_by_one(field, values)
    return np.array([known[value] for value in values], dtype=field.dtype), {}


def _one_by_one(field: Field, values: Sequence[Any]) -> tuple[Column, Faults]:
    column: Column = np.zeros(len(values), dtype=field.dtype)
    faults: Faults = {}
    for place, value in enumerate(values):
        if value is None and field.absent is not None:
            column[place] = field.absent
        elif value is None:
            faults[place] = f"{field.name}: missing"
        else:
            try:
                column[place] = field.parse(value)
            except ValueError as fault:
                faults[place] = f"{field.name}: {fault}"
    return column, faults
