"""The positions of one product before one market: which of them can be priced, and what their key rates are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from handlers.price.arrays import Bools, Ints, distinct, members
from handlers.price.curves import Curves
from handlers.price.market import MarketData
from handlers.price.names import NOTHING
from handlers.price.portfolio import Group
from handlers.price.pricers import PRICERS
from handlers.price.pricers.pricer import Pricer, Terms
from handlers.price.requirements import lacking


@dataclass(frozen=True, slots=True)
class Keyed:
    """Curves that have key rates, and which of them is each position's; -1: none."""

    curves: Curves
    curve: Ints


@dataclass(frozen=True, slots=True)
class Book:
    """Positions of one product, each at its place `rows` in the portfolio.

    `matured` positions are worth 0. `lack` is 0 for positions for which the market has all that they need, otherwise
    the number of the sentence in `lacks` that says what is missing. `keyed` are the curves that the product needs, in the
    order of their key rates. `names` are the texts behind the name codes in the terms.
    """

    product_type: str
    pricer: Pricer
    rows: Ints
    terms: Terms
    matured: Bools
    lack: Ints
    lacks: list[str]
    keyed: tuple[Keyed, ...]
    names: Mapping[int, str]

    @classmethod
    def of(cls, group: Group, market: MarketData, valuation: int) -> Book:
        pricer = PRICERS[group.product_type]
        needs = pricer.requirements(group.terms, valuation)
        keyed = (
            *(Keyed(market.curves, market.curves.find(currency)) for currency in needs.curves),
            *(Keyed(market.projections, market.projections.find(index)) for index, _ in needs.projections),
        )
        lacks = lacking(needs, market, group.names, group.rows.size)
        matured = group.terms.maturity <= valuation
        return cls(
            group.product_type, pricer, group.rows, group.terms, matured, lacks.number, lacks.sentences, keyed, group.names
        )

    def pillar_counts(self) -> Ints:
        """How many key rates each position has; 1 where the market lacks something."""
        counts = np.zeros(self.rows.size, dtype=np.int64)
        if (self.lack == 0).any():
            for each in self.keyed:
                counts += each.curves.pillar_counts(each.curve)
        return np.where(self.lack == 0, np.maximum(counts, 1), 1)

    def bucket_labels(self) -> Iterator[tuple[Ints, list[str]]]:
        """Positions (places in the portfolio) that share their curves, with the names of their key rates."""
        sound = np.flatnonzero(self.lack == 0)
        keys = np.zeros(sound.size, dtype=np.int64)
        for each in self.keyed:
            keys = keys * (each.curves.codes.size + 1) + each.curve[sound] + 1
        found, place = distinct(keys)
        for alike in members(place, found.size) if found.size else ():
            chosen = sound[alike]
            yield self.rows[chosen], self._labels(int(chosen[0]))

    def _labels(self, position: int) -> list[str]:
        """Dates alone for the first curve, `<name>:<date>` for the others."""
        labels: list[str] = []
        for number, each in enumerate(self.keyed):
            curve = int(each.curve[position])
            if curve != NOTHING:
                prefix = f"{each.curves.names[curve]}:" if number else ""
                labels += [prefix + pillar for pillar in each.curves.pillar_labels(curve)]
        return labels
