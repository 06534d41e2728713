"""Prices a whole run: every position, under every scenario, by every measure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

import numpy as np

from events.run import Market, Scenario
from handlers.price.arrays import Ints, offsets
from handlers.price.book import Book
from handlers.price.currencies import currency_code
from handlers.price.dates import to_day
from handlers.price.errors import MISSING_MARKET_DATA, UNSUPPORTED, Fault
from handlers.price.market import MarketData
from handlers.price.portfolio import Portfolio
from handlers.price.pricers.pricer import Terms
from handlers.price.sheet import PricedRun, Sheet
from handlers.price.totals import Totals

PRICER_VERSION = "1"
DEFAULT_REPORTING_CURRENCY = "USD"

# Bounds of working memory: cash flows in hand at once, and cells of one (rows × scenarios) matrix.
CHUNK_FLOWS = 1_000_000
BLOCK_CELLS = 8_000_000


def cells(positions: int, scenarios: int, measures: int) -> int:
    """The size of a run."""
    return positions * scenarios * measures


def price_run(
    portfolio: Portfolio,
    market: Market,
    scenarios: Sequence[Scenario],
    measures: Sequence[str],
    valuation_date: date,
    reporting_currency: str | None = None,
) -> PricedRun:
    """Every measure of every position under every scenario; without scenarios, under the one scenario `base`.

    Money is in the position's currency (FX_FWD: its quote currency), totals in `reporting_currency` (None: USD). A
    position never makes it raise: what cannot be priced is a row with an error.
    """
    scenarios = scenarios or [Scenario(id="base")]
    ids = tuple(scenario.id for scenario in scenarios)
    with np.errstate(all="ignore"):
        data = MarketData.of(market, scenarios, valuation_date)
        books = [Book.of(group, data, to_day(valuation_date)) for group in portfolio.groups]
        sheet = Sheet(_widths(len(portfolio), books, measures, data), ids, data.unavailable)
        totals = Totals(measures, data, currency_code(reporting_currency or DEFAULT_REPORTING_CURRENCY))
        for row, fault in portfolio.faults.items():
            for place in range(len(measures)):
                sheet.fail(np.array([row]), place, fault)
        for book in books:
            _Filling(sheet, totals, book, data, measures).fill()
    return sheet.finished(portfolio.position_ids, measures, totals.by_scenario(ids))


def _widths(positions: int, books: Sequence[Book], measures: Sequence[str], market: MarketData) -> Ints:
    """How many rows each measure of each position has."""
    widths = np.ones((positions, len(measures)), dtype=np.int64)
    if "KRD" in measures:
        for book in books:
            widths[book.rows, measures.index("KRD")] = book.pillar_counts(market)
    return widths


class _Filling:
    """Fills the rows of one book."""

    def __init__(self, sheet: Sheet, totals: Totals, book: Book, market: MarketData, measures: Sequence[str]) -> None:
        self.sheet = sheet
        self.totals = totals
        self.book = book
        self.market = market
        self.measures = [(place, name) for place, name in enumerate(measures) if book.pricer.has(name)]
        self.unsupported = [(place, name) for place, name in enumerate(measures) if not book.pricer.has(name)]

    def fill(self) -> None:
        book = self.book
        for place, name in self.unsupported:
            self.sheet.fail(book.rows, place, Fault(UNSUPPORTED, f"this product has no {name}"))
        for place, name in self.measures:
            if name == "KRD":
                for rows, labels in book.bucket_labels(self.market):
                    self.sheet.label(rows, place, labels)
        if book.matured.any():
            self._fill_matured(np.flatnonzero(book.matured))
        if book.lack.any():
            self._fill_lacking(np.flatnonzero(~book.matured & (book.lack > 0)))
        live = np.flatnonzero(~book.matured & (book.lack == 0))
        for chosen in _chunks(live, book.terms.sizes):
            self._fill_live(chosen)

    def _fill_matured(self, chosen: Ints) -> None:
        for place, _ in self.measures:
            self.sheet.put_contractual(self.book.rows[chosen], place, 0.0)

    def _fill_lacking(self, chosen: Ints) -> None:
        """Accrued interest stands in the contract; all else needs the market."""
        book = self.book
        for place, name in self.measures:
            if name == "ACCRUED":
                continue
            for number, sentence in enumerate(book.lacks):
                rows = book.rows[chosen[book.lack[chosen] == number]]
                self.sheet.fail(rows, place, Fault(MISSING_MARKET_DATA, sentence))
        if any(name == "ACCRUED" for _, name in self.measures):
            for some in _chunks(chosen, book.terms.sizes):
                terms = book.terms.take(some)
                self._put_accrued(some, book.pricer.flows(terms, self.market.curves.valuation))

    def _fill_live(self, chosen: Ints) -> None:
        book = self.book
        whole = chosen.size == book.rows.size
        terms = book.terms if whole else book.terms.take(chosen)
        rows = book.rows if whole else book.rows[chosen]
        flows = book.pricer.flows(terms, self.market.curves.valuation)
        for place, name in self.measures:
            if name == "ACCRUED":
                self._put_accrued(chosen, flows)
        for scenarios in self._blocks(chosen, terms):
            market = self.market if scenarios == slice(None) else self.market.under(scenarios)
            priced = book.pricer.discounted(flows, market)
            for place, name in self.measures:
                if name != "ACCRUED":
                    values = book.pricer.measures[name](priced)
                    self.sheet.put(rows, place, scenarios, values)
                    self.totals.add(name, terms.currency, scenarios, values)

    def _put_accrued(self, chosen: Ints, flows: object) -> None:
        accrued = self.book.pricer.accrued(flows)
        place = next(place for place, name in self.measures if name == "ACCRUED")
        self.sheet.put_contractual(self.book.rows[chosen], place, accrued[:, None])
        everywhere = np.broadcast_to(accrued[:, None], (accrued.size, self.market.spread_shift.size))
        self.totals.add("ACCRUED", self.book.terms.currency[chosen], slice(None), everywhere)

    def _blocks(self, chosen: Ints, terms: Terms) -> Iterator[slice]:
        """Parts of the scenarios whose matrices keep within bounds."""
        scenarios = self.market.spread_shift.size
        ahead = int(terms.maturity.max()) - self.market.curves.valuation
        nodes = min(int(terms.sizes.sum()), ahead * self.market.curves.currencies.size)
        rows = chosen.size
        if any(name == "KRD" for _, name in self.measures):
            rows = int(self.book.pillar_counts(self.market)[chosen].sum())
        width = max(1, BLOCK_CELLS // max(nodes, rows))
        if width >= scenarios:
            yield slice(None)
        else:
            yield from (slice(first, first + width) for first in range(0, scenarios, width))


def _chunks(chosen: Ints, sizes: Ints) -> Iterator[Ints]:
    """Parts of the chosen positions whose cash flows keep within bounds."""
    if chosen.size:
        part = offsets(sizes[chosen])[:-1] // CHUNK_FLOWS
        yield from np.split(chosen, np.flatnonzero(np.diff(part)) + 1)
