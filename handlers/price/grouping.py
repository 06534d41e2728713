"""Totals by what the positions say of themselves: desk, book, rating, currency, or any other columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from events.text import printable
from handlers.price.arrays import Floats, Ints

# What comes after so many groups is summed under one, so that a column of ids does not make a table of its own.
MAX_GROUPS = 10_000
# Groups × measures × scenarios of a run: 64 MB of sums. Of many scenarios fewer groups are kept apart.
MAX_GROUP_CELLS = 8_000_000
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
        place = [known.setdefault(values, len(known)) for values in zip(*columns, strict=True)]
        return cls(list(known), np.array(place, dtype=np.int64))

    def sums(self, positions: Ints, amounts: Floats) -> Floats:
        """The sum over the positions of each group of their amounts (positions × S), as (G × S)."""
        shape = (len(self.values), positions.size)
        members = csr_array((np.ones(positions.size), (self.place[positions], np.arange(positions.size))), shape=shape)
        return np.asarray(members @ amounts)


@dataclass(frozen=True, slots=True)
class GroupTotals:
    """Totals of G groups: by measure (G × S), in the reporting currency; not finite where a total is null."""

    values: Sequence[Values]
    sums: Mapping[str, Floats]

    @property
    def nbytes(self) -> int:
        """What the sums take in memory."""
        return sum(each.nbytes for each in self.sums.values())

    def packed(self) -> tuple[dict[str, Any], bytes]:
        """What `unpacked` takes: groups and measures for a JSON column; sums (measures × G × S) as little-endian float8."""
        sums = b"".join(each.astype("<f8", copy=False).tobytes() for each in self.sums.values())
        return {"values": self.values, "measures": list(self.sums)}, sums

    @classmethod
    def unpacked(cls, groups: Mapping[str, Any], sums: bytes, scenarios: int) -> GroupTotals:
        """The totals that were packed, under so many scenarios; without groups there are none."""
        values, measures = [tuple(each) for each in groups.get("values", ())], groups.get("measures", ())
        cells = np.frombuffer(sums, "<f8").reshape(len(measures), len(values), scenarios)
        return cls(values, dict(zip(measures, cells, strict=True)))


class GroupSums:
    """Group totals added up, one after the other, so that the sum is the same whoever adds them.

    Groups keep apart in the order in which they come, up to the bounds of a run; those that come later are one.
    """

    def __init__(self, measures: Sequence[str], scenarios: int) -> None:
        cells = len(measures) * scenarios
        self._most = max(1, min(MAX_GROUPS, MAX_GROUP_CELLS // cells)) if cells else MAX_GROUPS
        self._known: dict[Values, int] = {}
        # The system gives memory to those rows alone that are added to.
        self._sums = {name: np.zeros((self._most, scenarios)) for name in measures}

    def add(self, totals: GroupTotals) -> None:
        """Adds those of one slice, whose measures are those of the run; one that failed has none."""
        places = np.array([self._place(values) for values in totals.values], dtype=np.int64)
        others = self._known.get((OTHERS,) * len(totals.values[0]), -1) if totals.values else -1
        apart = places != others  # no two of these are the same
        for measure, sums in totals.sums.items():
            self._sums[measure][places[apart]] += sums[apart]
            if not apart.all():
                self._sums[measure][others] += sums[~apart].sum(axis=0)

    def totals(self) -> GroupTotals:
        """The sums so far."""
        return GroupTotals(list(self._known), {name: sums[: len(self._known)] for name, sums in self._sums.items()})

    def _place(self, values: Values) -> int:
        """The number of a group, which is a new one if it is not known yet and there is room."""
        if values not in self._known and len(self._known) >= self._most - 1:
            values = (OTHERS,) * len(values)
        return self._known.setdefault(values, len(self._known))
