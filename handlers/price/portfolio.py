"""A portfolio as columns: positions grouped by product, their terms parsed and judged one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self

import numpy as np

from events.text import IDENTIFIER_LENGTH, is_identifier, printable
from handlers.price.arrays import Ints
from handlers.price.errors import INVALID_TERMS, UNKNOWN_PRODUCT, Fault
from handlers.price.fields import Column, Faults, Field, parse_column, quoted
from handlers.price.grouping import Grouping, label
from handlers.price.pricers import PRICERS, registered_types
from handlers.price.pricers.pricer import Pricer, Terms
from handlers.price.readers import MAX_POSITIONS, Positions, read_positions
from handlers.price.tables import TableSource


class Source(Protocol):
    """Where positions come from: their ids and product types, and one column of some of them at a time."""

    ids: Sequence[Any]
    types: Sequence[Any]

    def column(self, field: Field, rows: Ints) -> tuple[Column, Faults]:
        """The field of the positions at `rows`; faults by place in `rows`."""

    def texts(self, field: Field) -> set[str]:
        """The distinct texts that stand in the field of any position."""

    def labels(self, name: str) -> Sequence[str]:
        """What each position says in a column that it may be grouped by."""


@dataclass(frozen=True, slots=True)
class Group:
    """The valid positions of one product: `rows` are their places in the portfolio, ascending.

    `names` are the texts behind the name codes in `terms`.
    """

    product_type: str
    rows: Ints
    terms: Terms
    names: Mapping[int, str]


@dataclass(frozen=True, slots=True)
class Portfolio:
    """Positions in their order: valid ones in `groups`, the others in `faults` by their place in the portfolio.

    Position ids need not be unique: a position is known by its place. One without a usable id is invalid; what is left
    of its id stands in `position_ids`, or an empty text. `grouping`: by the columns that totals are asked for by.
    """

    position_ids: tuple[str, ...]
    groups: tuple[Group, ...]
    faults: Mapping[int, Fault]
    grouping: Grouping | None = None

    def __len__(self) -> int:
        return len(self.position_ids)

    @classmethod
    def from_records(cls, records: Sequence[Mapping[str, Any]], group_by: Sequence[str] = ()) -> Self:
        """The positions of an event, each a JSON object. A number given as text is a fault of its position."""
        return cls._of(_Records(records), group_by)

    @classmethod
    def from_bytes(cls, data: bytes, name: str, max_positions: int = MAX_POSITIONS, group_by: Sequence[str] = ()) -> Self:
        """The positions in a file of the kind that the name's ending tells: .parquet, .csv, .jsonl or .ndjson.

        Raises Permanent, code portfolio_unreadable, if it is no such file; code too_large, if it has more positions
        than `max_positions`.
        """
        return cls.from_file(read_positions(data, name, max_positions, group_by), group_by)

    @classmethod
    def from_file(cls, positions: Positions, group_by: Sequence[str] = ()) -> Self:
        """Positions as they were read from a file, with these columns too."""
        return cls._of(positions if isinstance(positions, TableSource) else _Records(positions), group_by)

    @classmethod
    def _of(cls, source: Source, group_by: Sequence[str]) -> Self:
        faults: dict[int, Fault] = {}
        ids = checked_ids(source.ids, faults)
        groups = []
        for product_type, rows in _rows_by_type(source.types, faults).items():
            group = _group(product_type, PRICERS[product_type], np.array(rows, dtype=np.int64), source, faults)
            if group.rows.size:
                groups.append(group)
        grouping = Grouping.of([source.labels(name) for name in group_by]) if group_by else None
        return cls(tuple(ids), tuple(groups), faults, grouping)


class _Records:
    """Positions as dictionaries."""

    def __init__(self, records: Sequence[Mapping[str, Any]]) -> None:
        self.records = records
        self.ids: Sequence[Any] = [record.get("position_id") for record in records]
        self.types: Sequence[Any] = [record.get("product_type") for record in records]

    def column(self, field: Field, rows: Ints) -> tuple[Column, Faults]:
        name, records = field.name, self.records
        chosen = records if rows.size == len(records) else [records[row] for row in rows.tolist()]
        return parse_column(field, [record.get(name) for record in chosen])

    def texts(self, field: Field) -> set[str]:
        return {text for record in self.records if type(text := record.get(field.name)) is str}

    def labels(self, name: str) -> list[str]:
        return [label(record.get(name)) for record in self.records]


def checked_ids(ids: Sequence[Any], faults: dict[int, Fault]) -> list[str]:
    """The ids as they can be stored; an unusable one is a fault."""
    checked = []
    for row, value in enumerate(ids):
        if type(value) is str and is_identifier(value):
            checked.append(value)
            continue
        missing = value is None or value == ""
        sentence = "missing" if missing else f"must be text of 1 to {IDENTIFIER_LENGTH} printable characters"
        faults[row] = Fault(INVALID_TERMS, f"position_id: {sentence}")
        checked.append("" if missing else printable(value if type(value) is str else quoted(value), IDENTIFIER_LENGTH))
    return checked


def _rows_by_type(types: Sequence[Any], faults: dict[int, Fault]) -> dict[str, list[int]]:
    rows: dict[str, list[int]] = {}
    for row, value in enumerate(types):
        if row in faults:
            continue
        if type(value) is str and value in PRICERS:
            rows.setdefault(value, []).append(row)
        elif value is None:
            faults[row] = Fault(UNKNOWN_PRODUCT, "product_type: missing")
        else:
            known = ", ".join(registered_types())
            faults[row] = Fault(UNKNOWN_PRODUCT, f"product_type: must be one of {known}, not {quoted(value)}")
    return rows


def _group(product_type: str, pricer: Pricer, rows: Ints, source: Source, faults: dict[int, Fault]) -> Group:
    """The valid ones of these positions; the first fault of each of the others goes to `faults`."""
    found: dict[int, str] = {}
    columns: dict[str, Column] = {}
    names: dict[int, str] = {}
    for field in pricer.fields:
        columns[field.name], wrong = source.column(field, rows)
        for place, sentence in wrong.items():
            found.setdefault(place, sentence)
        if field.is_name:
            names |= {int(field.parse(text)): text for text in source.texts(field) if is_identifier(text)}
    rows, columns = _without(rows, columns, found, faults)
    terms, found = pricer.terms(columns), {}
    for wrong_places, sentence in pricer.faults(terms):
        for place in np.flatnonzero(wrong_places).tolist():
            found.setdefault(place, sentence)
    if found:
        rows, columns = _without(rows, columns, found, faults)
        terms = pricer.terms(columns)
    return Group(product_type, rows, terms, names)


def _without(
    rows: Ints, columns: dict[str, Column], found: dict[int, str], faults: dict[int, Fault]
) -> tuple[Ints, dict[str, Column]]:
    if not found:
        return rows, columns
    for place, sentence in found.items():
        faults[int(rows[place])] = Fault(INVALID_TERMS, sentence)
    sound = np.ones(rows.size, dtype=np.bool_)
    sound[list(found)] = False
    return rows[sound], {name: column[sound] for name, column in columns.items()}
