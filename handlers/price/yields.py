"""Yield to maturity, modified duration and convexity.

With y compounded m times a year and t_k the years to flow k by the position's own day count,
P = Σ CF_k · (1 + y/m)^(-m·t_k): the street convention (Fabozzi, Bond Markets, Analysis and Strategies; QuantLib BondFunctions
with `Compounded` and the bond's day counter). x = m·ln(1 + y/m) is the same yield, compounded continuously.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from handlers.price.arrays import Floats, Ints
from handlers.price.internal_rate import Weighted, internal_rates, moments


@dataclass(frozen=True, slots=True)
class Yields:
    """Yields of P positions under S scenarios: flows, how often a year each compounds, and the continuous rate (P × S)."""

    flows: Weighted
    compounding: Ints
    rate: Floats

    @classmethod
    def of(cls, flows: Weighted, compounding: Ints, price: Floats) -> Yields:
        """The yields at these dirty prices (P × S); NaN where there is none."""
        return cls(flows, compounding, internal_rates(flows, price))

    def ytm(self) -> Floats:
        """y, as a decimal."""
        times = self.compounding[:, None].astype(np.float64)
        compounded: Floats = times * np.expm1(self.rate / times)
        return compounded

    def modified_duration(self) -> Floats:
        """-(dP/dy) / P = Σ t·CF·(1 + y/m)^(-m·t - 1) / P, in years."""
        price, first = moments(self.flows, self.rate, 2)
        return first / price * self._per_period()

    def convexity(self) -> Floats:
        """(d²P/dy²) / P = Σ t·(t + 1/m)·CF·(1 + y/m)^(-m·t - 2) / P, in years squared."""
        price, first, second = moments(self.flows, self.rate, 3)
        return (second + first / self.compounding[:, None]) / price * self._per_period() ** 2

    def _per_period(self) -> Floats:
        """1 / (1 + y/m)."""
        return np.exp(-self.rate / self.compounding[:, None])
