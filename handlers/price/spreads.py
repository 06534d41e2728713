"""Z-spread: what is added to the continuous zero rate at every time so that the cash flows are worth their price."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from handlers.price.arrays import Floats
from handlers.price.curves import BASIS_POINT
from handlers.price.internal_rate import Weighted, internal_rates, moments


@dataclass(frozen=True, slots=True)
class ZSpreads:
    """Spreads of P positions under S scenarios: their flows, discounted without any spread, and the spread of each (P × S)."""

    flows: Weighted
    spread: Floats

    @classmethod
    def of(cls, flows: Weighted, price: Floats) -> ZSpreads:
        """The spreads at these dirty prices (P × S); NaN where there is none."""
        return cls(flows, internal_rates(flows, price))

    def dv01(self) -> Floats:
        """What a spread 1 bp higher changes: Σ CF·DF·exp(-z·t)·(exp(-1 bp·t) - 1)."""
        bumped = self.flows.weights * np.expm1(-BASIS_POINT * self.flows.time)
        return moments(replace(self.flows, weights=bumped), self.spread, 1)[0]
