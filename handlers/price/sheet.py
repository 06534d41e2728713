"""The rows of a priced run while they are being filled."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat

import numpy as np

from handlers.price.arrays import Floats, Ints, offsets
from handlers.price.errors import CALCULATION_FAILED, MISSING_MARKET_DATA, Fault
from handlers.price.grouping import GroupTotals


@dataclass(frozen=True, slots=True)
class PricedRun:
    """Rows in columns, ordered by `row_no`, then by measure as requested, then by bucket.

    `row_no` is the position's place in the portfolio; `bucket` is empty but for KRD and CASHFLOWS; `values` (rows ×
    scenarios) hold NaN where a cell could not be priced, and then the row has an `error` (code) and an `error_detail`.
    `totals` are sums in the reporting currency by measure and scenario over all cells without error; None where a conversion is
    missing or the scenario could not be built; `group_totals` the same by group, where positions are grouped. `errors` counts
    rows with an error.
    """

    scenario_ids: tuple[str, ...]
    measures: tuple[str, ...]
    positions: int
    errors: int
    totals: dict[str, dict[str, float | None]]
    row_no: Ints
    position_id: list[str]
    measure: list[str]
    bucket: list[str]
    values: Floats
    error: list[str | None]
    error_detail: list[str | None]
    group_totals: GroupTotals | None = None


NOT_FINITE = Fault(CALCULATION_FAILED, "the result is not a finite number")


class Sheet:
    """Rows to be filled: `widths` (positions × measures) says how many each measure of each position has."""

    def __init__(self, widths: Ints, scenario_ids: tuple[str, ...], unavailable: Mapping[int, str]) -> None:
        self.widths = widths.ravel()
        self.measures = widths.shape[1]
        self.first = offsets(self.widths)
        self.scenario_ids = scenario_ids
        self.unavailable = unavailable
        self.values = np.full((int(self.first[-1]), len(scenario_ids)), np.nan)
        self.bucket = [""] * int(self.first[-1])
        self.faults: dict[int, Fault] = {}

    def rows(self, positions: Ints, measure: int) -> Ints:
        """The rows of one measure of these positions."""
        cells = positions * self.measures + measure
        rows: Ints = self.first[cells]
        widths = self.widths[cells]
        if widths.size and widths.max() > 1:
            bounds = offsets(widths)
            rows = np.repeat(rows - bounds[:-1], widths) + np.arange(bounds[-1])
        return rows

    def label(self, positions: Ints, measure: int, labels: Sequence[str]) -> None:
        """Names the buckets of one measure of these positions."""
        for first in self.first[positions * self.measures + measure].tolist():
            self.bucket[first : first + len(labels)] = labels

    def label_each(self, rows: Ints, labels: Sequence[str]) -> None:
        """Names the bucket of each row."""
        for row, label in zip(rows.tolist(), labels, strict=True):
            self.bucket[row] = label

    def fail_each(self, rows: Ints, faults: Iterable[Fault]) -> None:
        """Gives each row its error; the values stay null."""
        self.faults.update(zip(rows.tolist(), faults, strict=False))

    def fail_positions(self, faults: Mapping[int, Fault]) -> None:
        """Gives all rows of these positions, which have one for each measure, their position's error."""
        first = self.first.tolist() if faults else []
        for position, fault in faults.items():
            for row in first[position * self.measures : (position + 1) * self.measures]:
                self.faults[row] = fault

    def put_contractual(self, positions: Ints, measure: int, values: Floats | float) -> None:
        """Values (rows × 1) that do not depend on the market, so stand under every scenario."""
        rows = self.rows(positions, measure)
        self._put(rows, slice(None), np.broadcast_to(values, (rows.size, 1)))

    def put(self, positions: Ints, measure: int, scenarios: slice, values: Floats) -> None:
        """Values (rows × scenarios) from the market; null under scenarios that could not be built."""
        rows = self.rows(positions, measure)
        self._put(rows, scenarios, values)
        if self.unavailable:
            self.values[np.ix_(rows, np.array(list(self.unavailable)))] = np.nan
            fault = Fault(MISSING_MARKET_DATA, next(iter(self.unavailable.values())))
            self.fail_each(rows, repeat(fault))

    def _put(self, rows: Ints, scenarios: slice, values: Floats) -> None:
        """A number that is not finite becomes null."""
        finite = np.isfinite(values)
        if not finite.all():
            values = np.where(finite, values, np.nan)
            self.fail_each(rows[~finite.all(axis=1)], repeat(NOT_FINITE))
        if _are_consecutive(rows):
            self.values[rows[0] : rows[-1] + 1, scenarios] = values
        else:
            self.values[rows, scenarios] = values

    def finished(
        self, position_ids: Sequence[str], measures: Sequence[str], totals: dict[str, dict[str, float | None]]
    ) -> PricedRun:
        """The run, with its rows' names."""
        counts = self.widths.reshape(-1, self.measures).sum(axis=1)
        row_no = np.repeat(np.arange(counts.size), counts)
        names = list(measures) * counts.size
        if len(names) != len(self.bucket):
            names = [name for name, width in zip(names, self.widths.tolist(), strict=True) for _ in range(width)]
        error: list[str | None] = [None] * len(self.bucket)
        detail: list[str | None] = [None] * len(self.bucket)
        for row, fault in self.faults.items():
            error[row], detail[row] = fault
        return PricedRun(
            scenario_ids=self.scenario_ids,
            measures=tuple(measures),
            positions=len(position_ids),
            errors=len(self.faults),
            totals=totals,
            row_no=row_no,
            position_id=[position_ids[row] for row in row_no.tolist()],
            measure=names,
            bucket=self.bucket,
            values=self.values,
            error=error,
            error_detail=detail,
        )


def _are_consecutive(rows: Ints) -> bool:
    return bool(rows.size and rows[-1] - rows[0] + 1 == rows.size and (np.diff(rows) == 1).all())
