"""Prices a whole run: every position, under every scenario, by every measure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from itertools import chain

import numpy as np

from events.market import Market
from events.scenario import Scenario
from handlers.price.arrays import Ints, keep_memory
from handlers.price.book import Book
from handlers.price.currencies import currency_code
from handlers.price.dates import to_day
from handlers.price.filling import Filling, ladder_of
from handlers.price.ladder import Ladder
from handlers.price.market import MarketData
from handlers.price.portfolio import Portfolio
from handlers.price.sheet import PricedRun, Sheet
from handlers.price.totals import Totals

PRICER_VERSION = "2"
DEFAULT_REPORTING_CURRENCY = "USD"

_PAYMENTS_A_POSITION = 360


def cells_a_position(scenarios: int, measures: Sequence[str], market: Market) -> int:
    """The values that one position may come to.

    KRD has one for each pillar, so it counts as often as the longest curve; CASHFLOWS counts as thirty years of months.
    """
    curves = chain(market.curves.values(), market.projection_curves.values())
    pillars = max((len(curve.pillars) for curve in curves), default=1)
    widths = {"KRD": pillars, "CASHFLOWS": _PAYMENTS_A_POSITION}
    return scenarios * sum(widths.get(name, 1) for name in measures)


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
    keep_memory()
    scenarios = scenarios or [Scenario(id="base")]
    ids = tuple(scenario.id for scenario in scenarios)
    with np.errstate(all="ignore"):
        names = {name for group in portfolio.groups for name in group.names.values()}
        data = MarketData.of(market, scenarios, valuation_date, credit=names)
        books = [Book.of(group, data, to_day(valuation_date)) for group in portfolio.groups]
        ladders = [ladder_of(book, data) if "CASHFLOWS" in measures else None for book in books]
        sheet = Sheet(_widths(len(portfolio), books, ladders, measures), ids, data.unavailable)
        reporting = currency_code(reporting_currency or DEFAULT_REPORTING_CURRENCY)
        totals = Totals(measures, data, reporting, portfolio.grouping)
        sheet.fail_positions(portfolio.faults)
        for book, ladder in zip(books, ladders, strict=True):
            Filling(sheet, totals, book, data, measures, ladder).fill()
        group_totals = totals.by_group()
    priced = sheet.finished(portfolio.position_ids, measures, totals.by_scenario(ids))
    return priced if group_totals is None else replace(priced, group_totals=group_totals)


def _widths(positions: int, books: Sequence[Book], ladders: Sequence[Ladder | None], measures: Sequence[str]) -> Ints:
    """How many rows each measure of each position has."""
    widths = np.ones((positions, len(measures)), dtype=np.int64)
    for book, ladder in zip(books, ladders, strict=True):
        if "KRD" in measures:
            widths[book.rows, measures.index("KRD")] = book.pillar_counts()
        if ladder is not None:
            widths[book.rows, measures.index("CASHFLOWS")] = ladder.widths(book.rows.size)
    return widths
