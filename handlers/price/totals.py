"""Totals of a run in its reporting currency."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from handlers.price.arrays import Bools, Floats, Ints, distinct, members
from handlers.price.grouping import Grouping, GroupTotals
from handlers.price.market import MarketData

# Amounts of money; prices, yields and spreads do not add up, nor do cash flows of different days.
TOTALLED = frozenset({"PV", "ACCRUED", "DV01", "CS01", "SPREAD_DV01", "VEGA", "THETA", "EXPECTED_LOSS"})


class Totals:
    """Sums by measure and scenario; cells without value are left out, amounts without conversion make the sum null.

    Zero needs no conversion.
    """

    def __init__(self, measures: Sequence[str], market: MarketData, reporting: int, grouping: Grouping | None = None) -> None:
        self.market = market
        self.reporting = reporting
        self.sums = {name: np.zeros(market.scenarios) for name in measures if name in TOTALLED}
        self.grouping = grouping
        groups = 0 if grouping is None else len(grouping.values)
        self.group_sums = {name: np.zeros((groups, market.scenarios)) for name in self.sums}

    def add(self, measure: str, positions: Ints, currency: Ints, scenarios: slice, values: Floats) -> None:
        """Adds rows of these positions (places in the portfolio), in these currencies (values: rows × scenarios)."""
        if measure not in self.sums or currency.size == 0:
            return
        codes, place = distinct(currency)
        finite = np.isfinite(values)
        amounts = values if finite.all() else np.where(finite, values, 0.0)
        for code, alike in zip(codes.tolist(), members(place, codes.size), strict=True):
            own = amounts if codes.size == 1 else amounts[alike]
            spot = self.market.spot(code, self.reporting)
            self.sums[measure][scenarios] += _converted(own, None if spot is None else spot[scenarios])
            if self.grouping is not None:
                shares = _shares(self.grouping, positions[alike], own, None if spot is None else spot[scenarios])
                self.group_sums[measure][:, scenarios] += shares

    def by_group(self) -> GroupTotals | None:
        """The totals of each group; None where positions are not grouped."""
        if self.grouping is None:
            return None
        for sums in self.group_sums.values():
            sums[:, list(self.market.unavailable)] = np.nan
        return GroupTotals(self.grouping.values, self.group_sums)

    def by_scenario(self, scenario_ids: Sequence[str]) -> dict[str, dict[str, float | None]]:
        """The totals; None where a conversion was missing or the scenario could not be built."""
        return {measure: self._named(sums, scenario_ids) for measure, sums in self.sums.items()}

    def _named(self, sums: Floats, scenario_ids: Sequence[str]) -> dict[str, float | None]:
        sums[list(self.market.unavailable)] = np.nan
        finite = np.isfinite(sums).tolist()
        return {name: total if ok else None for name, total, ok in zip(scenario_ids, sums.tolist(), finite, strict=True)}


def _shares(grouping: Grouping, positions: Ints, amounts: Floats, spot: Floats | None) -> Floats:
    sums = grouping.sums(positions, amounts)
    if spot is not None and np.isfinite(spot).all():
        return sums * spot
    return _known(sums, grouping.sums(positions, (amounts != 0.0).astype(np.float64)) > 0, spot)


def _converted(amounts: Floats, spot: Floats | None) -> Floats:
    sums: Floats = amounts.sum(axis=0)
    if spot is not None and np.isfinite(spot).all():
        return sums * spot
    return _known(sums, (amounts != 0.0).any(axis=0), spot)


def _known(sums: Floats, needs_conversion: Bools, spot: Floats | None) -> Floats:
    """The sums converted under scenarios that have a spot; under the others 0, or NaN where they need conversion."""
    spot = np.full(sums.shape[-1], np.nan) if spot is None else spot
    has_spot = np.isfinite(spot)
    return np.where(has_spot, sums * np.where(has_spot, spot, 0.0), np.where(needs_conversion, np.nan, 0.0))
