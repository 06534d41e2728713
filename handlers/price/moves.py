"""How scenarios move one number of the market: a spot, a volatility, a price."""

from __future__ import annotations

import numpy as np

from handlers.price.arrays import Floats


class Moves:
    """Factors (multiplied) and shifts (added after them) under S scenarios, and shifts of the number's inverse (added last)."""

    def __init__(self, scenarios: int) -> None:
        self.factor = np.ones(scenarios)
        self.shift = np.zeros(scenarios)
        self.inverse_shift = np.zeros(scenarios)

    def move(self, place: int, relative: float | None, absolute: float | None) -> None:
        """Moves the number under the scenario at `place`; one of both sizes is given."""
        self.factor[place] *= 1.0 + (relative or 0.0)
        self.shift[place] += absolute or 0.0

    def move_inverse(self, place: int, relative: float | None, absolute: float | None) -> None:
        """Moves the number by moving its inverse."""
        self.factor[place] /= 1.0 + (relative or 0.0)
        self.inverse_shift[place] += absolute or 0.0

    def applied(self, number: float) -> Floats:
        """A positive number under all scenarios (S); NaN where it would not stay positive."""
        moved = number * self.factor + self.shift
        if self.inverse_shift.any():
            with np.errstate(divide="ignore"):
                moved = np.where(moved > 0.0, 1.0 / (1.0 / moved + self.inverse_shift), np.nan)
            moved[np.isinf(moved)] = np.nan
        return np.where(moved > 0.0, moved, np.nan)
