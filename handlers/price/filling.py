"""Fills the rows of one product's positions, in pieces that keep working memory within bounds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import repeat
from typing import Any

import numpy as np

from handlers.price.arrays import Floats, Ints, pieces
from handlers.price.book import Book
from handlers.price.errors import CALCULATION_FAILED, MISSING_MARKET_DATA, UNSUPPORTED, Fault
from handlers.price.ladder import Ladder
from handlers.price.market import MarketData
from handlers.price.neighbours import by_currency, side_by_side
from handlers.price.pricers.pricer import Pricer
from handlers.price.requirements import Lacks
from handlers.price.sheet import Sheet
from handlers.price.totals import Totals

# Cash flows in hand at once, and cells of one (rows × scenarios) matrix. Arrays of more flows would leave the cache, and the
# memory behind them would be given back and fetched anew for each; with fewer, each part's own work (a step for each period
# of its longest loan, its discount factors) weighs more.
CHUNK_FLOWS = 250_000
BLOCK_CELLS = 4_000_000

# With more credit curves than this few flows share a node, and chunks are as small as if none did.
FEW_CREDIT_CURVES = 10

EVERY_SCENARIO = slice(None)


# Of a position on which nothing more is paid, these have no value; all others are 0.
UNDEFINED_WHEN_MATURED = ("YTM", "Z_SPREAD")


class Filling:
    """The measures of one book that its product has, each with its place among those requested.

    `ladder` are the book's payments, if CASHFLOWS is requested and its product has it.
    """

    def __init__(
        self,
        sheet: Sheet,
        totals: Totals,
        book: Book,
        market: MarketData,
        measures: Sequence[str],
        ladder: Ladder | None = None,
    ) -> None:
        self.sheet = sheet
        self.totals = totals
        self.book = book
        self.market = market
        self.requested = measures
        self.ladder = ladder
        self.places = {name: place for place, name in enumerate(measures) if book.pricer.has(name)}

    def fill(self) -> None:
        """Every row of the book: unsupported and matured ones, those that the market lacks data for, and the others."""
        book = self.book
        self._fill_unsupported()
        if "KRD" in self.places:
            for rows, labels in book.bucket_labels():
                self.sheet.label(rows, self.places["KRD"], labels)
        if self.ladder is not None:
            self._fill_ladder(self.ladder)
        if book.matured.any():
            self._fill_matured(book.rows[book.matured])
        if book.lack.any():
            self._fill_lacking(np.flatnonzero(~book.matured & (book.lack > 0)))
        for chosen in self._chunks(np.flatnonzero(~book.matured & (book.lack == 0))):
            self._fill_live(chosen)
        for name, lacks in book.pricer.lacks.items():
            if name in self.places:
                self._fill_lacking_one(self.places[name], lacks(book.terms, self.market, book.names))

    def _fill_unsupported(self) -> None:
        for place, name in enumerate(self.requested):
            if name not in self.places:
                fault = Fault(UNSUPPORTED, f"{self.book.product_type} has no {name}")
                self.sheet.fail_each(self.sheet.rows(self.book.rows, place), repeat(fault))

    def _fill_matured(self, rows: Ints) -> None:
        for name, place in self.places.items():
            if name in UNDEFINED_WHEN_MATURED:
                fault = Fault(CALCULATION_FAILED, f"a matured position has no {name}")
                self.sheet.fail_each(self.sheet.rows(rows, place), repeat(fault))
            else:
                self.sheet.put_contractual(rows, place, 0.0)

    def _fill_lacking(self, chosen: Ints) -> None:
        """What stands in the contract stands, unless it hangs on a fixing; everything else needs the market."""
        faults = [Fault(MISSING_MARKET_DATA, sentence) for sentence in self.book.lacks]
        for name, place in self.places.items():
            if not self.book.pricer.is_contractual(name):
                rows = self.sheet.rows(self.book.rows[chosen], place)
                self.sheet.fail_each(rows, (faults[number] for number in self.book.lack[chosen].tolist()))
        if "ACCRUED" in self.places:
            for some in self._chunks(chosen):
                accrued = self._put_accrued(some, _flows(self.book.pricer, self.book.terms.take(some), self.market))
                unknown = some[np.isnan(accrued)]
                rows = self.sheet.rows(self.book.rows[unknown], self.places["ACCRUED"])
                self.sheet.fail_each(rows, (faults[number] for number in self.book.lack[unknown].tolist()))

    def _fill_live(self, chosen: Ints) -> None:
        book = self.book
        everything = chosen.size == book.rows.size and bool((np.diff(chosen) > 0).all())
        terms = book.terms if everything else book.terms.take(chosen)
        rows = book.rows if everything else book.rows[chosen]
        flows = _flows(book.pricer, terms, self.market)
        if "ACCRUED" in self.places:
            self._put_accrued(chosen, flows)
        contractual = book.pricer.is_contractual
        needing_market = [(name, place) for name, place in self.places.items() if not contractual(name)]
        for scenarios in self._blocks(chosen) if needing_market else ():
            priced = book.pricer.discounted(flows, self.market.under(scenarios))
            for name, place in needing_market:
                values = book.pricer.measures[name](priced)
                self.sheet.put(rows, place, scenarios, values)
                self.totals.add(name, rows, terms.currency, scenarios, values)

    def _fill_lacking_one(self, place: int, lacks: Lacks) -> None:
        """One measure of the positions that lack what it alone needs."""
        chosen = np.flatnonzero((lacks.number > 0) & ~self.book.matured & (self.book.lack == 0))
        faults = [Fault(MISSING_MARKET_DATA, sentence) for sentence in lacks.sentences]
        rows = self.sheet.rows(self.book.rows[chosen], place)
        self.sheet.fail_each(rows, (faults[number] for number in lacks.number[chosen].tolist()))

    def _fill_ladder(self, ladder: Ladder) -> None:
        place, owners = self.places["CASHFLOWS"], self.book.rows[ladder.chosen]
        self.sheet.label_each(self.sheet.rows(owners, place), ladder.labels())
        if self.book.pricer.is_contractual("CASHFLOWS"):
            self.sheet.put_contractual(owners, place, ladder.payments.amount[:, None])

    def _put_accrued(self, chosen: Ints, flows: Any) -> Floats:
        accrued = self.book.pricer.accrued(flows)
        self.sheet.put_contractual(self.book.rows[chosen], self.places["ACCRUED"], accrued[:, None])
        everywhere = np.broadcast_to(accrued[:, None], (accrued.size, self.market.scenarios))
        rows, currency = self.book.rows[chosen], self.book.terms.currency[chosen]
        self.totals.add("ACCRUED", rows, currency, EVERY_SCENARIO, everywhere)
        return accrued

    def _chunks(self, chosen: Ints) -> Iterator[Ints]:
        """Parts of these positions of bounded numbers of cash flows."""
        most = CHUNK_FLOWS
        if self.book.pricer.nodes_by_flow or self._credit_curves > FEW_CREDIT_CURVES:
            most = min(most, max(1, BLOCK_CELLS // self.market.scenarios))
        terms = self.book.terms
        for part in by_currency(terms, side_by_side(terms, chosen)):
            yield from pieces(part, terms.sizes[part], most)

    @property
    def _credit_curves(self) -> int:
        """How many curves a day may have a node on beside the discount curve; spreads that stand still need none."""
        hazards = self.market.hazards.codes.size if "EXPECTED_LOSS" in self.places else 0
        spreads = 0 if self.market.spreads.is_steady else self.market.spreads.codes.size
        return max(spreads, hazards)

    def _blocks(self, chosen: Ints) -> Iterator[slice]:
        """Parts of the scenarios for which the matrices of these positions are bounded."""
        terms, curves = self.book.terms, self.market.curves
        horizon = int(terms.maturity[chosen].max()) - curves.valuation
        nodes = int(terms.sizes[chosen].sum())
        if not self.book.pricer.nodes_by_flow:
            # A day is a node for each curve, and for each credit curve that may lie on it.
            nodes = min(nodes, horizon * curves.codes.size * (1 + self._credit_curves))
        rows = int(self.book.pillar_counts()[chosen].sum()) if "KRD" in self.places else chosen.size
        width = max(1, BLOCK_CELLS // max(nodes, rows))
        if width >= self.market.scenarios:
            yield EVERY_SCENARIO
        else:
            yield from (slice(first, first + width) for first in range(0, self.market.scenarios, width))


def ladder_of(book: Book, market: MarketData) -> Ladder | None:
    """The payments of the positions that have not matured, and whose amounts are known; None if the product has none."""
    pricer = book.pricer
    if pricer.payments is None:
        return None
    known = ~book.matured & (pricer.is_contractual("CASHFLOWS") | (book.lack == 0))
    chosen = np.flatnonzero(known)
    chunks = list(pieces(chosen, book.terms.sizes[chosen], CHUNK_FLOWS))
    flows = (_flows(pricer, book.terms.take(some), market) for some in chunks)
    return Ladder.of([(chosen, pricer.payments(some)) for chosen, some in zip(chunks, flows, strict=True)])


def _flows(pricer: Pricer, terms: Any, market: MarketData) -> Any:
    return pricer.fixed(pricer.flows(terms, market.curves.valuation), market.fixings)
