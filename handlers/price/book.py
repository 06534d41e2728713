"""The positions of one product before one market: which of them can be priced, and what their key rates are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from handlers.price.arrays import Bools, Ints, distinct
from handlers.price.currencies import currency_text, pair_code, pair_currencies
from handlers.price.market import MarketData
from handlers.price.portfolio import Group
from handlers.price.pricers import PRICERS
from handlers.price.pricers.pricer import Pricer, Requirements, Terms


@dataclass(frozen=True, slots=True)
class Book:
    """Positions of one product, each at its place `rows` in the portfolio.

    `matured` positions are worth 0. `lack` is 0 for positions for which the market has all that they need, otherwise
    the number of the sentence in `lacks` that says what is missing. `curves` has a row for each curve that the product
    needs: where it is in the market, by position; -1: nowhere.
    """

    product_type: str
    pricer: Pricer
    rows: Ints
    terms: Terms
    matured: Bools
    lack: Ints
    lacks: list[str]
    curves: Ints

    @classmethod
    def of(cls, group: Group, market: MarketData, valuation: int) -> Book:
        pricer = PRICERS[group.product_type]
        needs = pricer.requirements(group.terms)
        curves = np.stack([market.curves.find(currency) for currency in needs.curves])
        lack, lacks = _lacking(needs, curves, market)
        matured = group.terms.maturity <= valuation
        return cls(group.product_type, pricer, group.rows, group.terms, matured, lack, lacks, curves)

    def pillar_counts(self, market: MarketData) -> Ints:
        """How many key rates each position has; 1 where the market lacks something."""
        counts = np.zeros(self.rows.size, dtype=np.int64)
        if (self.lack == 0).any():
            for curve in self.curves:
                counts += market.curves.pillar_counts(curve)
        return np.where(self.lack == 0, counts, 1)

    def bucket_labels(self, market: MarketData) -> Iterator[tuple[Ints, list[str]]]:
        """Positions (places in the portfolio) that share their curves, with the names of their key rates."""
        sound = np.flatnonzero(self.lack == 0)
        keys = np.zeros(sound.size, dtype=np.int64)
        for curve in self.curves[:, sound]:
            keys = keys * (market.curves.currencies.size + 1) + curve
        found, place = distinct(keys)
        for number in range(found.size):
            members = sound[place == number]
            yield self.rows[members], _labels(market, self.curves[:, members[0]].tolist())


def _labels(market: MarketData, curves: list[int]) -> list[str]:
    """Dates alone for the first curve, `<currency>:<date>` for the others."""
    first, *others = curves
    labels = market.pillar_labels(first)
    for curve in others:
        currency = currency_text(int(market.curves.currencies[curve]))
        labels += [f"{currency}:{pillar}" for pillar in market.pillar_labels(curve)]
    return labels


def _lacking(needs: Requirements, curves: Ints, market: MarketData) -> tuple[Ints, list[str]]:
    lack, lacks = np.zeros(curves.shape[1], dtype=np.int64), [""]

    def mark(places: Bools, sentence: str) -> None:
        lack[places & (lack == 0)] = len(lacks)
        lacks.append(sentence)

    for currency, curve in zip(needs.curves, curves, strict=True):
        for code in np.unique(currency[curve < 0]).tolist():
            mark(currency == code, f"no {currency_text(code)} curve")
    for base, quote in needs.spots:
        pairs = pair_code(base, quote)
        for pair in distinct(pairs)[0].tolist():
            if market.spot(*pair_currencies(pair)) is None:
                mark(pairs == pair, f"no {''.join(map(currency_text, pair_currencies(pair)))} spot, quoted or derived")
    return lack, lacks
