"""Totals of a run in its reporting currency."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from handlers.price.arrays import Floats, Ints, distinct, members
from handlers.price.market import MarketData

# Amounts of money; prices, yields and spreads do not add up, nor do cash flows of different days.
TOTALLED = frozenset({"PV", "ACCRUED", "DV01", "CS01", "SPREAD_DV01", "VEGA", "THETA", "EXPECTED_LOSS"})


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
        if measure not in self.sums or currency.size == 0:
            return
        codes, place = distinct(currency)
        finite = np.isfinite(values)
        amounts = values if finite.all() else np.where(finite, values, 0.0)
        for code, alike in zip(codes.tolist(), members(place, codes.size), strict=True):
            own = amounts if codes.size == 1 else amounts[alike]
            spot = self.market.spot(code, self.reporting)
            self.sums[measure][scenarios] += _converted(own, None if spot is None else spot[scenarios])

    def by_scenario(self, scenario_ids: Sequence[str]) -> dict[str, dict[str, float | None]]:
        """The totals; None where a conversion was missing or the scenario could not be built."""
        return {measure: self._named(sums, scenario_ids) for measure, sums in self.sums.items()}

    def _named(self, sums: Floats, scenario_ids: Sequence[str]) -> dict[str, float | None]:
        sums[list(self.market.unavailable)] = np.nan
        finite = np.isfinite(sums).tolist()
        return {name: total if ok else None for name, total, ok in zip(scenario_ids, sums.tolist(), finite, strict=True)}


def _converted(amounts: Floats, spot: Floats | None) -> Floats:
    if spot is None:
        return np.where((amounts != 0.0).any(axis=0), np.nan, 0.0)
    converted: Floats = amounts.sum(axis=0) * spot
    return converted
