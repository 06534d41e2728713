"""How scenarios move single numbers of the market: spots, volatilities, prices."""

from __future__ import annotations

from collections.abc import Collection

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


class MovesByName:
    """The moves of all numbers of one kind: each name's own, made when it is first moved, and those of all names."""

    def __init__(self, names: Collection[str], scenarios: int) -> None:
        self.names = names
        self.every = Moves(scenarios)
        self.own: dict[str, Moves] = {}

    def of(self, name: str) -> Moves:
        """A name's own moves, to be added to."""
        return self.own.setdefault(name, Moves(self.every.factor.size))

    def together(self, name: str) -> Moves:
        """A name's own moves and those of all names, one after the other."""
        own = self.own.get(name)
        if own is None:
            return self.every
        both = Moves(self.every.factor.size)
        both.factor = self.every.factor * own.factor
        both.shift = self.every.shift + own.shift
        both.inverse_shift = own.inverse_shift
        return both
