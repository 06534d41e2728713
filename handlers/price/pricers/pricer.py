"""What a product is to the engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, Self

from handlers.price.arrays import Bools, Floats, Ints
from handlers.price.fields import Column, Field
from handlers.price.market import MarketData
from handlers.price.requirements import Requirements


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


@dataclass(frozen=True, slots=True)
class Pricer:
    """A product: the fields it reads, what it needs, and a function for each measure that it has.

    `terms` makes its columns; `faults` says which of them contradict each other; `requirements` comes before any
    pricing. `flows` is what stands in the contract, for positions that have not matured, `accrued` (P) reads it off
    that. `discounted` meets it with the market, and each of `measures` turns that into values: a row of S values for each
    position (for KRD: for each of its pillars).
    """

    fields: tuple[Field, ...]
    terms: Callable[[Mapping[str, Column]], Terms]
    faults: Callable[[Any], list[tuple[Bools, str]]]
    requirements: Callable[[Any], Requirements]
    flows: Callable[[Any, int], Any]
    accrued: Callable[[Any], Floats]
    discounted: Callable[[Any, MarketData], Any]
    measures: Mapping[str, Callable[[Any], Floats]]

    def has(self, measure: str) -> bool:
        """Whether the product has this measure; every product has ACCRUED."""
        return measure == "ACCRUED" or measure in self.measures
