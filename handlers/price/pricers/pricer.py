"""What a product is to the engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, Self

import numpy as np

from handlers.price.arrays import Bools, Floats, Ints
from handlers.price.fields import Column, Field
from handlers.price.fixings import Fixings
from handlers.price.ladder import Paid
from handlers.price.market import MarketData
from handlers.price.requirements import Lacks, Requirements


class Terms(Protocol):
    """Valid terms of P positions of one product, as columns."""

    @property
    def currency(self) -> Ints:
        """The currency of the results."""

    @property
    def maturity(self) -> Ints:
        """The last day on which anything is paid."""

    @property
    def sizes(self) -> Ints:
        """About how many cash flows each position has."""

    def take(self, chosen: Ints | slice) -> Self:
        """The terms of the chosen positions."""


def _as_it_stands(flows: Any, _fixings: Fixings) -> Any:
    return flows


def _terms_alone(terms: Any, _valuation: int) -> Any:
    return terms


def _nothing_accrues(terms: Terms) -> Floats:
    return np.zeros(terms.maturity.size)


def own_curve(terms: Terms, _valuation: int) -> Requirements:
    """The requirements of what is discounted on its own currency's curve."""
    return Requirements(curves=(terms.currency,))


@dataclass(frozen=True, slots=True)
class Pricer:
    """A product: the fields it reads, what it needs, and a function for each measure that it has.

    `terms` makes its columns; `faults` says which of them contradict each other; `requirements` at the valuation date comes
    before any pricing. `flows` is what stands in the contract, for positions that have not matured: the terms themselves,
    unless it is given. `fixed` adds what past fixings, which no scenario moves, make of it; `accrued` (P) reads off that, NaN
    where a fixing is missing; nothing accrues unless it is given. `discounted` meets it with the market, and each of `measures`
    turns that into values: a row of S values for each position (for KRD: for each of its pillars; for CASHFLOWS: for each of
    its payments). `nodes_by_flow`: the market is worked out for each cash flow rather than for each day.

    `payments` are the days of CASHFLOWS and their amounts, which stand unless `measures` has CASHFLOWS too, for amounts
    that depend on the market. `lacks` says which positions lack market data for one measure alone.
    """

    fields: tuple[Field, ...]
    terms: Callable[[Mapping[str, Column]], Terms]
    faults: Callable[[Any], list[tuple[Bools, str]]]
    requirements: Callable[[Any, int], Requirements]
    discounted: Callable[[Any, MarketData], Any]
    measures: Mapping[str, Callable[[Any], Floats]]
    flows: Callable[[Any, int], Any] = _terms_alone
    accrued: Callable[[Any], Floats] = _nothing_accrues
    fixed: Callable[[Any, Fixings], Any] = _as_it_stands
    nodes_by_flow: bool = False
    payments: Callable[[Any], Paid] | None = None
    lacks: Mapping[str, Callable[[Any, MarketData, Mapping[int, str]], Lacks]] = field(default_factory=dict)

    def has(self, measure: str) -> bool:
        """Whether the product has this measure; every product has ACCRUED."""
        return measure in self.measures or self.is_contractual(measure)

    def is_contractual(self, measure: str) -> bool:
        """Whether the measure stands in the contract, so that it needs no market."""
        return measure == "ACCRUED" or (measure == "CASHFLOWS" and self.payments is not None and measure not in self.measures)
