"""The curves of one kind in a market snapshot, and by how much scenarios shift them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from events.market import CreditCurve, Curve
from handlers.price.arrays import Floats, Ints, offsets
from handlers.price.curves import Curves
from handlers.price.dates import to_day
from handlers.price.interpolation import INTERPOLATIONS

Quoted = Curve | CreditCurve


class ShockedCurves:
    """Curves by code, and the sums of all shifts of their rates (pillars × S), gathered shock by shock.

    A market can have thousands of credit curves, so that what no scenario shifts takes no memory by scenario.
    """

    def __init__(self, curves: Iterable[tuple[int, str, Quoted]], scenarios: int) -> None:
        by_code = sorted(curves, key=lambda curve: curve[0])
        self.curves = {code: curve for code, _, curve in by_code}
        self.names = tuple(name for _, name, _ in by_code)
        self.bounds = offsets(np.array([len(curve.pillars) for curve in self.curves.values()], dtype=np.int64))
        self.rows = {code: slice(*self.bounds[place : place + 2].tolist()) for place, code in enumerate(self.curves)}
        self.pillars = np.array([to_day(day) for curve in self.curves.values() for day in curve.pillars], dtype=np.int64)
        self.scenarios = scenarios
        self.shift: Floats | None = None

    def days(self, code: int) -> Ints:
        """The pillars of a curve, as days."""
        return self.pillars[self.rows[code]]

    def move(self, code: int, scenario: int, by: Floats | float) -> None:
        """Adds to the rates of a curve under one scenario: to all of them, or to that of each pillar its own."""
        self._shift()[self.rows[code], scenario] += by

    def move_all(self, scenario: int, by: float) -> None:
        """Adds to every rate of every curve."""
        self._shift()[:, scenario] += by

    def _shift(self) -> Floats:
        if self.shift is None:
            self.shift = np.zeros((self.pillars.size, self.scenarios))
        return self.shift

    def shocked(self, valuation: int) -> Curves:
        """The curves under all scenarios."""
        curves = self.curves.values()
        rates = np.array([rate for curve in curves for rate in _rates(curve)], dtype=np.float64)
        return Curves(
            valuation,
            np.array(list(self.curves), dtype=np.int64),
            self.names,
            np.array([INTERPOLATIONS[curve.interpolation] for curve in curves], dtype=np.int64),
            self.bounds,
            self.pillars,
            np.broadcast_to(rates[:, None], (rates.size, self.scenarios))
            if self.shift is None
            else rates[:, None] + self.shift,
        )


def _rates(curve: Quoted) -> list[float]:
    return curve.zero_rates if isinstance(curve, Curve) else curve.rates
