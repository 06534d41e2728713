"""Totals by what the positions say of themselves: desk, book, rating, currency, or any other columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from events.text import printable
from handlers.price.arrays import Floats, Ints

# What comes after so many groups is summed under one, so that a column of ids does not make a table of its own.
MAX_GROUPS = 10_000
OTHERS = "*"
# Of several columns together, so long that an index can hold them.
LABEL_LENGTH = 64

Values = tuple[str, ...]


def label(value: Any) -> str:
    """What a position says in a grouping column, as text; empty if it says nothing."""
    text = value if type(value) is str else "" if value is None else str(value)
    return printable(text, LABEL_LENGTH)


@dataclass(frozen=True, slots=True)
class Grouping:
    """P positions in G groups: `values` are those of the grouping columns in each, `place` (P) is each position's group."""

    values: Sequence[Values]
    place: Ints

    @classmethod
    def of(cls, columns: Sequence[Sequence[str]]) -> Grouping:
        """Groups in the order in which positions come to them."""
        known: dict[Values, int] = {}
        place = [_place(known, values) for values in zip(*columns, strict=True)]
        return cls(list(known), np.array(place, dtype=np.int64))

    def sums(self, positions: Ints, amounts: Floats) -> Floats:
        """The sum over the positions of each group of their amounts (positions × S), as (G × S)."""
        shape = (len(self.values), positions.size)
        members = csr_array((np.ones(positions.size), (self.place[positions], np.arange(positions.size))), shape=shape)
        return np.asarray(members @ amounts)


@dataclass(frozen=True, slots=True)
class GroupTotals:
    """Totals of G groups: by measure (G × S), in the reporting currency; NaN where a total is null."""

    values: Sequence[Values]
    sums: Mapping[str, Floats]

    def as_plain(self) -> dict[str, Any]:
        """For a JSON column, in which a number that is not finite becomes null."""
        return {"values": self.values, "sums": {measure: sums.tolist() for measure, sums in self.sums.items()}}

    def rows(self) -> Iterable[tuple[Values, str, list[float | None]]]:
        """The values of each group, a measure, and its totals by scenario."""
        for measure, sums in self.sums.items():
            for values, totals in zip(self.values, sums.tolist(), strict=True):
                yield values, measure, [total if np.isfinite(total) else None for total in totals]


class GroupSums:
    """Group totals added up, one after the other, so that the sum is the same whoever adds them."""

    def __init__(self, scenarios: int) -> None:
        self._scenarios = scenarios
        self._known: dict[Values, int] = {}
        self._sums: dict[str, list[Floats]] = {}

    def add(self, plain: Mapping[str, Any]) -> None:
        """Adds those of one slice, as `GroupTotals.as_plain` tells them."""
        places = [_place(self._known, tuple(values)) for values in plain.get("values", ())]
        for measure, sums in plain.get("sums", {}).items():
            kept = self._sums.setdefault(measure, [])
            kept += [np.zeros(self._scenarios) for _ in range(len(self._known) - len(kept))]
            for place, share in zip(places, np.array(sums, dtype=np.float64).reshape(-1, self._scenarios), strict=True):
                kept[place] = kept[place] + share

    def totals(self) -> GroupTotals:
        """The sums so far."""
        nothing = np.zeros(self._scenarios)
        whole = {name: kept + [nothing] * (len(self._known) - len(kept)) for name, kept in self._sums.items()}
        return GroupTotals(list(self._known), {name: np.array(kept) for name, kept in whole.items()})


def _place(known: dict[Values, int], values: Values) -> int:
    """The number of a group, which is a new one if it is not known yet and there is room."""
    if values not in known and len(known) >= MAX_GROUPS - 1:
        values = (OTHERS,) * len(values)
    return known.setdefault(values, len(known))
