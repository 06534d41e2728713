"""Totals of a run in its reporting currency."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from handlers.price.arrays import Floats, Ints, distinct
from handlers.price.market import MarketData

TOTALLED = frozenset({"PV", "ACCRUED", "DV01", "CS01"})


class Totals:
    """Sums by measure and scenario; cells without value are left out, amounts without conversion make the sum null.

    Zero needs no conversion.
    """

    def __init__(self, measures: Sequence[str], market: MarketData, reporting: int) -> None:
        self.market = market
        self.reporting = reporting
        self.sums = {name: np.zeros(market.scenarios) for name in measures if name in TOTALLED}

    def add(self, measure: str, currency: Ints, scenarios: slice, values: Floats) -> None:
        """Adds rows in these currencies (values: rows × scenarios)."""
        if measure not in self.sums:
            return
        codes, place = distinct(currency)
        for number, code in enumerate(codes.tolist()):
            own = values if codes.size == 1 else values[place == number]
            spot = self.market.spot(code, self.reporting)
            self.sums[measure][scenarios] += _converted(own, None if spot is None else spot[scenarios])

    def by_scenario(self, scenario_ids: Sequence[str]) -> dict[str, dict[str, float | None]]:
        """The totals; None where a conversion was missing or the scenario could not be built."""
        return {measure: self._named(sums, scenario_ids) for measure, sums in self.sums.items()}

    def _named(self, sums: Floats, scenario_ids: Sequence[str]) -> dict[str, float | None]:
        sums[list(self.market.unavailable)] = np.nan
        finite = np.isfinite(sums).tolist()
        return {name: total if ok else None for name, total, ok in zip(scenario_ids, sums.tolist(), finite, strict=True)}


def _converted(values: Floats, spot: Floats | None) -> Floats:
    if spot is None:
        return np.where((np.isfinite(values) & (values != 0.0)).any(axis=0), np.nan, 0.0)
    sums: Floats = values.sum(axis=0)
    if not np.isfinite(sums).all():
        sums = np.where(np.isfinite(values), values, 0.0).sum(axis=0)
    return sums * spot
