"""Fills the rows of one product's positions, in pieces that keep working memory within bounds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import repeat
from typing import Any

import numpy as np

from handlers.price.arrays import Ints, offsets
from handlers.price.book import Book
from handlers.price.errors import MISSING_MARKET_DATA, UNSUPPORTED, Fault
from handlers.price.market import MarketData
from handlers.price.sheet import Sheet
from handlers.price.totals import Totals

# Cash flows in hand at once, and cells of one (rows × scenarios) matrix.
CHUNK_FLOWS = 1_000_000
BLOCK_CELLS = 4_000_000

EVERY_SCENARIO = slice(None)


class Filling:
    """The measures of one book that its product has, each with its place among those requested."""

    def __init__(self, sheet: Sheet, totals: Totals, book: Book, market: MarketData, measures: Sequence[str]) -> None:
        self.sheet = sheet
        self.totals = totals
        self.book = book
        self.market = market
        self.requested = measures
        self.places = {name: place for place, name in enumerate(measures) if book.pricer.has(name)}

    def fill(self) -> None:
        """Every row of the book: unsupported and matured ones, those that the market lacks data for, and the others."""
        book = self.book
        self._fill_unsupported()
        if "KRD" in self.places:
            for rows, labels in book.bucket_labels():
                self.sheet.label(rows, self.places["KRD"], labels)
        if book.matured.any():
            self._fill_matured(book.rows[book.matured])
        if book.lack.any():
            self._fill_lacking(np.flatnonzero(~book.matured & (book.lack > 0)))
        for chosen in self._chunks(np.flatnonzero(~book.matured & (book.lack == 0))):
            self._fill_live(chosen)

    def _fill_unsupported(self) -> None:
        for place, name in enumerate(self.requested):
            if name not in self.places:
                fault = Fault(UNSUPPORTED, f"{self.book.product_type} has no {name}")
                self.sheet.fail_each(self.sheet.rows(self.book.rows, place), repeat(fault))

    def _fill_matured(self, rows: Ints) -> None:
        for place in self.places.values():
            self.sheet.put_contractual(rows, place, 0.0)

    def _fill_lacking(self, chosen: Ints) -> None:
        """Accrued interest stands in the contract; everything else needs the market."""
        faults = [Fault(MISSING_MARKET_DATA, sentence) for sentence in self.book.lacks]
        for name, place in self.places.items():
            if name != "ACCRUED":
                rows = self.sheet.rows(self.book.rows[chosen], place)
                self.sheet.fail_each(rows, (faults[number] for number in self.book.lack[chosen].tolist()))
        if "ACCRUED" in self.places:
            for some in self._chunks(chosen):
                terms = self.book.terms.take(some)
                self._put_accrued(some, self.book.pricer.flows(terms, self.market.curves.valuation))

    def _fill_live(self, chosen: Ints) -> None:
        book = self.book
        everything = chosen.size == book.rows.size
        terms = book.terms if everything else book.terms.take(chosen)
        rows = book.rows if everything else book.rows[chosen]
        flows = book.pricer.flows(terms, self.market.curves.valuation)
        if "ACCRUED" in self.places:
            self._put_accrued(chosen, flows)
        needing_market = [(name, place) for name, place in self.places.items() if name != "ACCRUED"]
        for scenarios in self._blocks(chosen) if needing_market else ():
            priced = book.pricer.discounted(flows, self.market.under(scenarios))
            for name, place in needing_market:
                values = book.pricer.measures[name](priced)
                self.sheet.put(rows, place, scenarios, values)
                self.totals.add(name, rows, terms.currency, scenarios, values)

    def _put_accrued(self, chosen: Ints, flows: Any) -> None:
        accrued = self.book.pricer.accrued(flows)[:, None]
        self.sheet.put_contractual(self.book.rows[chosen], self.places["ACCRUED"], accrued)
        everywhere = np.broadcast_to(accrued, (accrued.size, self.market.scenarios))
        rows, currency = self.book.rows[chosen], self.book.terms.currency[chosen]
        self.totals.add("ACCRUED", rows, currency, EVERY_SCENARIO, everywhere)

    def _chunks(self, chosen: Ints) -> Iterator[Ints]:
        """Parts of these positions of bounded numbers of cash flows."""
        if chosen.size:
            part = offsets(self.book.terms.sizes[chosen])[:-1] // CHUNK_FLOWS
            yield from np.split(chosen, np.flatnonzero(np.diff(part)) + 1)

    def _blocks(self, chosen: Ints) -> Iterator[slice]:
        """Parts of the scenarios for which the matrices of these positions are bounded."""
        terms, curves = self.book.terms, self.market.curves
        horizon = int(terms.maturity[chosen].max()) - curves.valuation
        nodes = min(int(terms.sizes[chosen].sum()), horizon * curves.codes.size)
        rows = int(self.book.pillar_counts()[chosen].sum()) if "KRD" in self.places else chosen.size
        width = max(1, BLOCK_CELLS // max(nodes, rows))
        if width >= self.market.scenarios:
            yield EVERY_SCENARIO
        else:
            yield from (slice(first, first + width) for first in range(0, self.market.scenarios, width))
