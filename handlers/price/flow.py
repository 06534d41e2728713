"""The flow `runs`: a portfolio, a market, scenarios and measures become rows of values and one completion.

A run that is too large to be priced at once becomes a plan here, and its values in the flow `slices`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from events.event import Event
from events.failures import Conflict, Failure, Permanent, Reason, Transient, Waiting
from events.identity import input_sha256
from events.model import StoredObject
from events.run import InlineMarket, InlinePortfolio, Market, RunRequested
from handlers.answer import Answer
from handlers.objects import read_object
from handlers.price.engine import cells_a_position, price_run
from handlers.price.inputs import parse_market
from handlers.price.planning import Plan, plan_bytes, plan_object
from handlers.price.portfolio import Portfolio
from handlers.price.sheet import PricedRun
from handlers.price.slicing import Slice, check_number, cut_rows, most_positions
from handlers.price.stored import answer_of, failed_row, plan_row, planned_row, priced_row, requests_of, result_rows, slice_rows
from handlers.resources import Resources
from handlers.same_input import is_same_input
from storage.database import Connection
from storage.objects import ObjectNotFound
from storage.plans import add_plans
from storage.results import copy_results
from storage.runs import RunRow, give_way, insert_runs, stored_runs

# Runs of more cells are worked on alone: a small event can ask for a thousand times its size.
LIGHT_CELLS = 100_000
# A larger portfolio is not held whole, but passes by while its slices are found.
WHOLE_BYTES = 16 * 1024 * 1024
# How long another request for a run waits for the end of the first.
UNFINISHED_SECONDS = 86_400.0


@dataclass(slots=True)
class Loaded:
    """The bytes that a run refers to; None where the event holds the thing itself, or `plan` tells of it."""

    started_at: datetime
    portfolio: bytes | None = None
    plan: Plan | None = None
    market: bytes | None = None
    market_sha256: bytes | None = None
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


@dataclass(slots=True)
class Planned:
    """A run's slices, and what its row and its plan need beside them; `request` is the event's data as JSON."""

    slices: Sequence[Slice]
    request: bytes
    snapshot_id: str
    loaded: Loaded

    @property
    def nbytes(self) -> int:
        """What a group counts for its size: each slice has a row and a request."""
        return len(self.request) + 1024 * len(self.slices)


Result = Priced | Planned | Failure


class RunsFlow:
    """Prices runs: reads objects in `load`, computes in a thread in `work`, writes by COPY in `save`."""

    def __init__(self, resources: Resources) -> None:
        self.objects = resources.objects
        self.object_max_bytes = resources.object_max_bytes
        self.database = resources.database
        self.slice_cells = resources.run_slice_cells

    async def load(self, events: Sequence[Event]) -> list[Loaded | Failure]:
        """The bytes behind each run's uris, or a plan where they are too many to hold."""
        return await asyncio.gather(*(self._load(event) for event in events))

    async def work(self, events: Sequence[Event], loaded: Sequence[Loaded]) -> list[Result]:
        """Prices or plans the batch in one thread, off the event loop."""
        return await asyncio.to_thread(self._price_all, events, loaded)

    async def save(
        self, connection: Connection, events: Sequence[Event], results: Sequence[Result]
    ) -> list[Answer | Conflict | Waiting]:
        """One row a run under its natural key, then the rows of values, or the plans, of the runs that are new."""
        now = datetime.now(UTC)
        rows = [_row(event, result, now) for event, result in zip(events, results, strict=True)]
        holders = await _holders(connection, rows)
        new = [each for each in zip(events, rows, results, strict=True) if holders[each[1].run_id] is each[1]]
        await copy_results(connection, [result_rows(row, result.run) for _, row, result in new if isinstance(result, Priced)])
        planned = [(event, result) for event, _, result in new if isinstance(result, Planned)]
        if planned:
            await _add_plans(connection, planned)
        return [_answer(row, result, holders[row.run_id]) for row, result in zip(rows, results, strict=True)]

    async def _load(self, event: Event) -> Loaded | Failure:
        loaded, run = Loaded(datetime.now(UTC)), event.data
        try:
            if isinstance(run.market, StoredObject):
                loaded.market, loaded.market_sha256 = await self._read(run.market, "market_unreadable", loaded)
            if isinstance(run.portfolio, StoredObject):
                await self._load_portfolio(event, run.portfolio, loaded)
        except (Permanent, Transient, Waiting) as failure:
            return failure
        return loaded

    async def _load_portfolio(self, event: Event, stored: StoredObject, loaded: Loaded) -> None:
        """The portfolio's bytes, or, where they are many, its plan. Raises Waiting where another event has it planned."""
        whole = min(WHOLE_BYTES, self.object_max_bytes)
        try:
            size = await self.objects.size(stored.uri)
            if size > whole:
                await self._wait_for_another(event)
                most = self._most(event.data, await asyncio.to_thread(_market, event.data, loaded))
                loaded.plan = await plan_object(self.objects, stored, size, most, self.object_max_bytes)
                loaded.digests.append((stored.uri, loaded.plan.sha256))
                return
        except ObjectNotFound as error:
            raise Permanent("portfolio_not_found", error.message) from error
        loaded.portfolio, _ = await self._read(stored, "portfolio_not_found", loaded)

    async def _wait_for_another(self, event: Event) -> None:
        """A look before much is read, which decides nothing: what is stored does, at save."""
        run_id = UUID(event.data.run_id)
        async with self.database.connection() as connection:
            stored = (await stored_runs(connection, [run_id])).get(run_id)
        request = input_sha256(event.client_id, event.data_sha256 or b"")
        if stored is not None and stored.status == "planned" and stored.request_sha256 == request:
            raise _unfinished(run_id)

    async def _read(self, stored: StoredObject, when_missing: str, loaded: Loaded) -> tuple[bytes, bytes]:
        content, digest = await read_object(self.objects, stored, self.object_max_bytes, when_missing)
        loaded.digests.append((stored.uri, digest))
        return content, digest

    def _price_all(self, events: Sequence[Event], loaded: Sequence[Loaded]) -> list[Result]:
        results: list[Result] = []
        for event, needs in zip(events, loaded, strict=True):
            try:
                results.append(self._price(event.data, needs))
            except Permanent as failure:
                results.append(failure)
        return results

    def _price(self, run: RunRequested, loaded: Loaded) -> Priced | Planned:
        market = _market(run, loaded)
        most = self._most(run, market)
        slices = self._slices(run, loaded, most)
        if slices is not None:
            return Planned(slices, run.model_dump_json().encode(), market.snapshot_id, loaded)
        portfolio = _portfolio(run, loaded, most)
        priced = price_run(portfolio, market, run.scenarios, run.measures, run.valuation_date, run.reporting_currency)
        return Priced(priced, market.snapshot_id, loaded)

    def _slices(self, run: RunRequested, loaded: Loaded, most: int) -> Sequence[Slice] | None:
        """The slices of a run; None for one that is priced at once."""
        if loaded.plan is not None:
            return loaded.plan.slices or None
        if isinstance(run.portfolio, InlinePortfolio):
            slices: Sequence[Slice] = cut_rows(len(run.portfolio.positions), most)
            check_number(slices, "the portfolio")
        else:
            slices = plan_bytes(loaded.portfolio or b"", run.portfolio.uri, most, self.object_max_bytes).slices
        return slices if len(slices) > 1 else None

    def _most(self, run: RunRequested, market: Market) -> int:
        return most_positions(self.slice_cells, cells_a_position(len(run.scenarios), run.measures, market))


def is_heavy(run: RunRequested) -> bool:
    """Whether the run may take much memory: it has many cells, or refers to objects, whose size the event does not tell."""
    if isinstance(run.portfolio, StoredObject) or isinstance(run.market, StoredObject):
        return True
    each = cells_a_position(len(run.scenarios), run.measures, run.market.snapshot)
    return len(run.portfolio.positions) * each > LIGHT_CELLS


def _portfolio(run: RunRequested, loaded: Loaded, most: int) -> Portfolio:
    if isinstance(run.portfolio, InlinePortfolio):
        return Portfolio.from_records(run.portfolio.positions)
    if loaded.plan is not None:  # of many bytes, but no position
        return Portfolio.from_records([])
    return Portfolio.from_bytes(loaded.portfolio or b"", run.portfolio.uri, most)


def _market(run: RunRequested, loaded: Loaded) -> Market:
    if isinstance(run.market, InlineMarket):
        return run.market.snapshot
    return parse_market(loaded.market or b"", run.market.uri)


def _row(event: Event, result: Result, now: datetime) -> RunRow:
    if isinstance(result, Failure):
        return failed_row(event, result, now)
    loaded = result.loaded
    if isinstance(result, Planned):
        return planned_row(event, len(result.slices), result.snapshot_id, loaded.digests, loaded.started_at)
    return priced_row(event, result.run, result.snapshot_id, loaded.digests, loaded.started_at, now)


async def _add_plans(connection: Connection, planned: Sequence[tuple[Event, Planned]]) -> None:
    plans = [plan_row(event, result.request, result.loaded.market_sha256) for event, result in planned]
    slices = [slice_rows(event, result.slices) for event, result in planned]
    await add_plans(connection, plans, [row for rows in slices for row in rows])


async def _holders(connection: Connection, rows: Sequence[RunRow]) -> dict[UUID, RunRow]:
    """The row that holds each run_id: one that was stored before, or else the first of these, which is inserted.

    Of several generations the newest is the first; what failed in an earlier one gives way to it.
    """
    newest_first = sorted(rows, key=lambda row: row.generation, reverse=True)
    first = {row.run_id: row for row in reversed(newest_first)}
    await give_way(connection, list(first.values()))
    return first | await insert_runs(connection, list(first.values()))


def _answer(row: RunRow, result: Result, holder: RunRow) -> Answer | Conflict | Waiting:
    if not is_same_input(row, holder):
        return Conflict(Reason.INPUT_CONFLICT, f"run_id {row.run_id} was requested before with another input or client")
    if holder.status != "planned":
        return answer_of(holder)
    if holder is row:
        return Answer(None, requests=requests_of(row))
    # What has waited too long fails alone.
    return answer_of(row) if isinstance(result, Waiting) else _unfinished(row.run_id)


def _unfinished(run_id: UUID) -> Waiting:
    return Waiting(Reason.INTERNAL, f"run {run_id} was asked for by another event and is not finished", UNFINISHED_SECONDS)
