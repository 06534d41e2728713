"""The flow `runs`: a portfolio, a market, scenarios and measures become rows of values and one completion."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from events.event import Event
from events.failures import Conflict, Failure, Permanent, Reason, Transient
from events.model import StoredObject
from events.run import InlineMarket, InlinePortfolio, Market, MarketById, PortfolioById, RunRequested
from handlers.answer import Answer
from handlers.objects import read_object
from handlers.price.by_id import Shelf, shelves
from handlers.price.engine import cells_a_position, price_run
from handlers.price.inputs import parse_market
from handlers.price.portfolio import Portfolio
from handlers.price.sheet import PricedRun
from handlers.price.stored import answer_of, failed_row, priced_row, result_rows
from handlers.resources import Resources
from handlers.same_input import is_same_input
from storage.database import Connection
from storage.results import copy_results
from storage.runs import RunRow, give_way, insert_runs

# Runs of more cells are worked on alone: a small event can ask for a thousand times its size.
LIGHT_CELLS = 100_000


@dataclass(slots=True)
class Loaded:
    """The bytes that a run refers to; None where the event holds the thing itself. `positions_uri`: where they lie."""

    started_at: datetime
    portfolio: bytes | None = None
    positions_uri: str = ""
    market: bytes | None = None
    digests: list[tuple[str, bytes]] = field(default_factory=list)


@dataclass(slots=True)
class Priced:
    """A run's rows, and what its row in `runs` needs beside them."""

    run: PricedRun
    snapshot_id: str
    loaded: Loaded

    @property
    def nbytes(self) -> int:
        """What a group counts for its size."""
        return self.run.values.nbytes + 64 * len(self.run.row_no)


class RunsFlow:
    """Prices runs: reads objects in `load`, computes in a thread in `work`, writes by COPY in `save`."""

    def __init__(self, resources: Resources) -> None:
        self.database, self.objects = resources.database, resources.objects
        self.object_max_bytes = resources.object_max_bytes
        self.cells_max = resources.run_slice_cells

    async def load(self, events: Sequence[Event]) -> list[Loaded | Failure]:
        """The bytes behind each run's uris and ids."""
        found = await shelves(self.database, events)
        return await asyncio.gather(*(self._load(event.data, shelf) for event, shelf in zip(events, found, strict=True)))

    async def work(self, events: Sequence[Event], loaded: Sequence[Loaded]) -> list[Priced | Failure]:
        """Prices the batch in one thread, off the event loop."""
        return await asyncio.to_thread(self._price_all, events, loaded)

    async def save(
        self, connection: Connection, events: Sequence[Event], results: Sequence[Priced | Failure]
    ) -> list[Answer | Conflict]:
        """One row a run under its natural key, then the rows of the runs that are new."""
        now = datetime.now(UTC)
        rows = [_row(event, result, now) for event, result in zip(events, results, strict=True)]
        holders = await _holders(connection, rows)
        new = [
            result_rows(row, result.run)
            for row, result in zip(rows, results, strict=True)
            if holders[row.run_id] is row and isinstance(result, Priced)
        ]
        await copy_results(connection, new)
        return [_answer(row, holders[row.run_id]) for row in rows]

    async def _load(self, run: RunRequested, shelf: Shelf) -> Loaded | Failure:
        loaded = Loaded(datetime.now(UTC))
        try:
            await self._load_portfolio(run, shelf, loaded)
            await self._load_market(run, shelf, loaded)
        except (Permanent, Transient) as failure:
            return failure
        return loaded

    async def _load_portfolio(self, run: RunRequested, shelf: Shelf, loaded: Loaded) -> None:
        if isinstance(run.portfolio, InlinePortfolio):
            return
        stored, digest = run.portfolio, None
        if isinstance(stored, PortfolioById):
            stored, digest = shelf.portfolio(stored)
        loaded.portfolio, digest_of_bytes = await self._read(stored, "portfolio_not_found")
        loaded.positions_uri = stored.uri
        loaded.digests.append(digest or digest_of_bytes)

    async def _load_market(self, run: RunRequested, shelf: Shelf, loaded: Loaded) -> None:
        if isinstance(run.market, MarketById):
            loaded.market, digest = shelf.market(run.market)
            loaded.digests.append(digest)
        elif isinstance(run.market, StoredObject):
            loaded.market, digest = await self._read(run.market, "market_unreadable")
            loaded.digests.append(digest)

    async def _read(self, stored: StoredObject, when_missing: str) -> tuple[bytes, tuple[str, bytes]]:
        content, digest = await read_object(self.objects, stored, self.object_max_bytes, when_missing)
        return content, (stored.uri, digest)

    def _price_all(self, events: Sequence[Event], loaded: Sequence[Loaded]) -> list[Priced | Failure]:
        results: list[Priced | Failure] = []
        for event, needs in zip(events, loaded, strict=True):
            try:
                results.append(self._price(event.data, needs))
            except Permanent as failure:
                results.append(failure)
        return results

    def _price(self, run: RunRequested, loaded: Loaded) -> Priced:
        market = _market(run, loaded)
        each = cells_a_position(len(run.scenarios), run.measures, market)
        most = self.cells_max // each
        portfolio = _portfolio(run, loaded, most)
        if len(portfolio) > most:
            size = f"{len(portfolio)} positions × {each} cells"
            raise Permanent("too_large", f"{size} are more than {self.cells_max}: split the portfolio")
        priced = price_run(portfolio, market, run.scenarios, run.measures, run.valuation_date, run.reporting_currency)
        return Priced(priced, market.snapshot_id, loaded)


def is_heavy(run: RunRequested) -> bool:
    """Whether the run may take much memory: it has many cells, or refers to what it does not hold, of unknown size."""
    if not (isinstance(run.portfolio, InlinePortfolio) and isinstance(run.market, InlineMarket)):
        return True
    each = cells_a_position(len(run.scenarios), run.measures, run.market.snapshot)
    return len(run.portfolio.positions) * each > LIGHT_CELLS


def _portfolio(run: RunRequested, loaded: Loaded, most: int) -> Portfolio:
    if isinstance(run.portfolio, InlinePortfolio):
        return Portfolio.from_records(run.portfolio.positions)
    return Portfolio.from_bytes(loaded.portfolio or b"", loaded.positions_uri, most)


def _market(run: RunRequested, loaded: Loaded) -> Market:
    if isinstance(run.market, InlineMarket):
        return run.market.snapshot
    if isinstance(run.market, MarketById):
        return parse_market(loaded.market or b"", run.market.snapshot_id, run.market.snapshot_id)
    return parse_market(loaded.market or b"", run.market.uri)


def _row(event: Event, result: Priced | Failure, now: datetime) -> RunRow:
    if isinstance(result, Failure):
        return failed_row(event, result, now)
    return priced_row(event, result.run, result.snapshot_id, result.loaded.digests, result.loaded.started_at, now)


async def _holders(connection: Connection, rows: Sequence[RunRow]) -> dict[UUID, RunRow]:
    """The row that holds each run_id: one that was stored before, or else the first of these, which is inserted.

    Of several generations the newest is the first; what failed in an earlier one gives way to it.
    """
    newest_first = sorted(rows, key=lambda row: row.generation, reverse=True)
    first = {row.run_id: row for row in reversed(newest_first)}
    await give_way(connection, list(first.values()))
    return first | await insert_runs(connection, list(first.values()))


def _answer(row: RunRow, holder: RunRow) -> Answer | Conflict:
    if is_same_input(row, holder):
        return answer_of(holder)
    return Conflict(Reason.INPUT_CONFLICT, f"run_id {row.run_id} was requested before with another input or client")
