"""The flow `runs`: a portfolio, a market, scenarios and measures become rows of values and one completion.

A run that is too large to be priced at once becomes a plan here, and its values in the flow `slices`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from events.event import Event
from events.failures import Conflict, Failure, Permanent, Reason, Waiting
from events.market import Market
from events.run import InlineMarket, InlinePortfolio, RunRequested
from events.tail_risk import InlineDays
from handlers.answer import Answer
from handlers.parsed import Content
from handlers.price.engine import cells_a_position, price_run
from handlers.price.generations import place
from handlers.price.loading import Loaded, Loader, unfinished
from handlers.price.planning import Bounds, plan_bytes
from handlers.price.portfolio import Portfolio
from handlers.price.sheet import PricedRun
from handlers.price.slicing import Slice, check_number, cut_rows
from handlers.price.stored import (
    Snapshot,
    answer_of,
    failed_row,
    kept_request,
    plan_row,
    planned_row,
    priced_row,
    requests_of,
    result_rows,
    slice_rows,
    snapshot_of,
    total_rows,
)
from handlers.resources import Resources
from handlers.same_input import is_same_input
from storage.database import Connection
from storage.plans import add_plans
from storage.results import copy_results
from storage.runs import RunRow
from storage.totals import copy_totals

# Runs of more cells are worked on alone: a small event can ask for a thousand times its size.
LIGHT_CELLS = 100_000
# What a snapshot's name and hash take in memory.
_SNAPSHOT_BYTES = 512


@dataclass(slots=True)
class Priced:
    """A run's rows, and what its row in `runs` needs beside them."""

    run: PricedRun
    snapshot: Snapshot
    loaded: Loaded

    @property
    def nbytes(self) -> int:
        """What a group counts for its size."""
        return self.run.values.nbytes + 64 * len(self.run.row_no)


@dataclass(slots=True)
class Planned:
    """A run's slices, and what its row and its plan need beside them; `request` is the event's data as JSON."""

    slices: Sequence[Slice]
    request: bytes
    snapshot: Snapshot
    loaded: Loaded

    @property
    def nbytes(self) -> int:
        """What a group counts for its size: each slice has a row and a request."""
        return len(self.request) + 1024 * len(self.slices)


Result = Priced | Planned | Failure


class RunsFlow:
    """Prices runs: reads objects in `load`, computes in a thread in `work`, writes by COPY in `save`."""

    def __init__(self, resources: Resources) -> None:
        self.loader, self.worker, self.parsed = Loader(resources), resources.worker, resources.parsed

    async def load(self, events: Sequence[Event]) -> list[Loaded | Failure]:
        """The bytes behind each run's uris and ids, or a plan where they are too many to hold."""
        return await self.loader.load(events)

    async def work(self, events: Sequence[Event], loaded: Sequence[Loaded]) -> list[Result]:  # noqa: ARG002 - loaded tells all
        """Prices or plans the batch in one thread, off the event loop."""
        return await asyncio.to_thread(self._price_all, loaded)

    async def save(
        self, connection: Connection, events: Sequence[Event], results: Sequence[Result]
    ) -> list[Answer | Conflict | Waiting]:
        """One row a run under its natural key, then the rows of values, or the plans, of the runs that are new."""
        now = datetime.now(UTC)
        found = [_row(event, result, now) for event, result in zip(events, results, strict=True)]
        rows = [row._replace(worker=self.worker) for row in found]
        told = await place(connection, rows, now)
        new = [each for each, row in zip(zip(events, rows, results, strict=True), told, strict=True) if each[1] is row]
        priced = [(row, result.run) for _, row, result in new if isinstance(result, Priced)]
        await copy_results(connection, [result_rows(*each) for each in priced])
        await copy_totals(connection, [rows for each in priced for rows in total_rows(*each)])
        planned = [(event, result) for event, _, result in new if isinstance(result, Planned)]
        if planned:
            await _add_plans(connection, planned)
        return [_answer(*each) for each in zip(rows, results, told, strict=True)]

    def _price_all(self, loaded: Sequence[Loaded]) -> list[Result]:
        results: list[Result] = []
        for needs in loaded:
            try:
                results.append(self._price(needs.run, needs))
            except Permanent as failure:
                results.append(failure)
        return results

    def _price(self, run: RunRequested, loaded: Loaded) -> Priced | Planned:
        market = self.loader.market(run, loaded)
        bounds = self.loader.bounds(run, market)
        slices = _slices(run, loaded, bounds)
        snapshot = self._snapshot(market, loaded)
        if slices is not None:
            return Planned(slices, kept_request(run), snapshot, loaded)
        portfolio = _portfolio(run, loaded, bounds.positions)
        priced = price_run(portfolio, market, run.scenarios, run.measures, run.valuation_date, run.reporting_currency)
        return Priced(priced, snapshot, loaded)

    def _snapshot(self, market: Market, loaded: Loaded) -> Snapshot:
        """What the run's row says of its market; told once of one that is known by its content."""
        if loaded.market_sha256 is None:
            return snapshot_of(market)
        content = Content("snapshot", loaded.market_sha256, market.snapshot_id)
        return self.parsed.get(content, _SNAPSHOT_BYTES, lambda: snapshot_of(market))


def is_heavy(run: RunRequested) -> bool:
    """Whether the run may take much memory: it has many cells, or refers to what it does not hold, of unknown size."""
    if not (isinstance(run.portfolio, InlinePortfolio) and isinstance(run.market, InlineMarket)):
        return True
    days = 0
    if run.tail_risk is not None:
        if not isinstance(run.tail_risk.moves, InlineDays):
            return True
        days = len(run.tail_risk.moves.days)
    each = cells_a_position(len(run.scenarios) + days, run.measures, run.market.snapshot)
    return len(run.portfolio.positions) * each > LIGHT_CELLS


def _slices(run: RunRequested, loaded: Loaded, bounds: Bounds) -> Sequence[Slice] | None:
    """The slices of a run; None for one that is priced at once."""
    if loaded.plan is not None:
        return loaded.plan.slices or None
    if isinstance(run.portfolio, InlinePortfolio):
        slices: Sequence[Slice] = cut_rows(len(run.portfolio.positions), bounds.positions)
        check_number(slices, "the portfolio")
    else:
        slices = plan_bytes(loaded.portfolio or b"", loaded.positions_uri or "", bounds).slices
    return slices if len(slices) > 1 else None


def _portfolio(run: RunRequested, loaded: Loaded, most: int) -> Portfolio:
    if isinstance(run.portfolio, InlinePortfolio):
        return Portfolio.from_records(run.portfolio.positions, run.group_by)
    if loaded.plan is not None:  # of many bytes, but no position
        return Portfolio.from_records([])
    return Portfolio.from_bytes(loaded.portfolio or b"", loaded.positions_uri or "", most, run.group_by)


def _row(event: Event, result: Result, now: datetime) -> RunRow:
    if isinstance(result, Failure):
        return failed_row(event, result, now)
    if isinstance(result, Planned):
        return planned_row(event, len(result.slices), result.snapshot, result.loaded)
    return priced_row(event, result.run, result.snapshot, result.loaded, now)


async def _add_plans(connection: Connection, planned: Sequence[tuple[Event, Planned]]) -> None:
    plans = [plan_row(event, result.request, result.loaded) for event, result in planned]
    slices = [slice_rows(event, result.slices) for event, result in planned]
    await add_plans(connection, plans, [row for rows in slices for row in rows])


def _answer(row: RunRow, result: Result, holder: RunRow) -> Answer | Conflict | Waiting:
    # Who has a run done again may have mended what lies behind its uris.
    is_same = row.request_sha256 == holder.request_sha256 if row.generation else is_same_input(row, holder)
    if not is_same:
        return Conflict(Reason.INPUT_CONFLICT, f"run_id {row.run_id} was requested before with another input or client")
    if holder.status != "planned":
        return answer_of(holder)
    if holder is row:
        return Answer(None, requests=requests_of(row))
    # What has waited too long fails alone.
    return answer_of(row) if isinstance(result, Waiting) else unfinished(row.run_id)
