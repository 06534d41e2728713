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
    """Curves by code, and the sums of all shifts of their rates (pillars × S), gathered shock by shock."""

    def __init__(self, curves: Iterable[tuple[int, str, Quoted]], scenarios: int) -> None:
        by_code = sorted(curves, key=lambda curve: curve[0])
        self.curves = {code: curve for code, _, curve in by_code}
        self.names = tuple(name for _, name, _ in by_code)
        self.bounds = offsets(np.array([len(curve.pillars) for curve in self.curves.values()], dtype=np.int64))
        self.rows = {code: slice(*self.bounds[place : place + 2].tolist()) for place, code in enumerate(self.curves)}
        self.pillars = np.array([to_day(day) for curve in self.curves.values() for day in curve.pillars], dtype=np.int64)
        self.shift = np.zeros((self.pillars.size, scenarios))

    def days(self, code: int) -> Ints:
        """The pillars of a curve, as days."""
        return self.pillars[self.rows[code]]

    def move(self, code: int, scenario: int, by: Floats | float) -> None:
        """Adds to the rates of a curve under one scenario: to all of them, or to that of each pillar its own."""
        self.shift[self.rows[code], scenario] += by

    def move_all(self, scenario: int, by: float) -> None:
        """Adds to every rate of every curve."""
        self.shift[:, scenario] += by

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
            rates[:, None] + self.shift,
        )


def _rates(curve: Quoted) -> list[float]:
    return curve.zero_rates if isinstance(curve, Curve) else curve.rates
