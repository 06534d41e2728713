"""The positions of one product before one market: which of them can be priced, and what their key rates are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from handlers.price.arrays import Bools, Ints, distinct, members
from handlers.price.currencies import currency_text, pair_code, pair_currencies
from handlers.price.market import MarketData
from handlers.price.portfolio import Group
from handlers.price.pricers import PRICERS
from handlers.price.pricers.pricer import Pricer, Requirements, Terms

# No currency's code.
_NOTHING = -1


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
        for alike in members(place, found.size) if found.size else ():
            chosen = sound[alike]
            yield self.rows[chosen], _labels(market, self.curves[:, chosen[0]].tolist())


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
    for currency, curve in zip(needs.curves, curves, strict=True):
        if (curve < 0).any():
            codes, place = distinct(np.where(curve < 0, currency, _NOTHING))
            _mark(lack, lacks, place, [_no_curve(code) for code in codes.tolist()])
    for base, quote in needs.spots:
        pairs, place = distinct(pair_code(base, quote))
        _mark(lack, lacks, place, [_no_spot(pair, market) for pair in pairs.tolist()])
    return lack, lacks


def _mark(lack: Ints, lacks: list[str], place: Ints, sentences: list[str]) -> None:
    """Adds what positions lack, unless they lack something already; `place` is the sentence of each, empty for none."""
    if any(sentences):
        number = np.array([len(lacks) + each if sentence else 0 for each, sentence in enumerate(sentences)])
        np.copyto(lack, number[place], where=lack == 0)
        lacks += sentences


def _no_curve(code: int) -> str:
    return "" if code == _NOTHING else f"no {currency_text(code)} curve"


def _no_spot(pair: int, market: MarketData) -> str:
    base, quote = pair_currencies(pair)
    if market.spot(base, quote) is not None:
        return ""
    return f"no {currency_text(base)}{currency_text(quote)} spot, quoted or derived"
