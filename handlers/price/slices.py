"""The flow `slices`: a slice of a planned run becomes rows of values, and the last one to end completes the run.

A slice that cannot be priced ends too: its cells carry the error. One whose run has ended meanwhile ends without work.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import UUID

from events.event import Event
from events.failures import Conflict, Failure, Permanent, Reason, Transient
from events.model import StoredObject
from events.run import InlinePortfolio, MarketById, RunRequested
from events.slices import SliceRequested
from handlers.answer import Answer
from handlers.objects import read_object
from handlers.parsed import Parsed
from handlers.price.ending import CancelledMeanwhile, Ending, complete_runs, end_of, inline_ids, rows_of
from handlers.price.engine import price_run
from handlers.price.loading import known_market
from handlers.price.planning import read_slice
from handlers.price.portfolio import Portfolio
from handlers.price.sheet import PricedRun
from handlers.price.slicing import Slice
from handlers.price.stored import requested_run
from handlers.resources import Resources
from storage.database import Connection
from storage.markets import read_markets
from storage.objects import ObjectNotFound, ObjectTooShort
from storage.plans import PlannedSlice, SliceKey, end_slices, planned_slices
from storage.results import copy_results
from storage.run_generations import Late, RunKey, past_generations, stored_generations
from storage.tenant import tenant_session


@dataclass(slots=True)
class Loaded:
    """A planned slice with the bytes it is read from, or why they cannot be had."""

    plan: PlannedSlice
    started_at: datetime
    run: RunRequested | None = None
    portfolio: Sequence[bytes] = ()
    market: bytes = b""
    refused: Permanent | None = None


@dataclass(slots=True)
class Worked:
    """What a slice came to: its rows, or why it has none; neither where nothing was due."""

    plan: PlannedSlice
    started_at: datetime
    priced: PricedRun | None = None
    refused: Permanent | None = None
    position_ids: Sequence[str] = ()

    @property
    def nbytes(self) -> int:
        """What a group counts for its size."""
        if self.priced is None:
            return 0
        groups = 0 if self.priced.group_totals is None else self.priced.group_totals.nbytes
        return self.priced.values.nbytes + 64 * len(self.priced.row_no) + groups


class SlicesFlow:
    """Prices slices: reads their bytes in `load`, computes in a thread in `work`, writes by COPY and counts in `save`.

    What is wrong with a slice's input is the run's matter, so the slice is done then, and its event too. An event fails only of
    what operators should look at.
    """

    def __init__(self, resources: Resources) -> None:
        self.database, self.objects = resources.database, resources.objects
        self.object_max_bytes, self.worker = resources.object_max_bytes, resources.worker
        self.parsed = resources.parsed

    async def load(self, events: Sequence[Event]) -> list[Loaded | Failure | None]:
        """Each slice's plan and the bytes that it names; None where the plan was dropped, because its generation is past."""
        async with self.database.connection() as connection:
            plans = await planned_slices(connection, [key_of(event.data) for event in events])
            late = {_late(event) for event in events if key_of(event.data) not in plans}
            past = await past_generations(connection, late)
        return await asyncio.gather(*(self._load(event, plans.get(key_of(event.data)), past) for event in events))

    async def work(self, events: Sequence[Event], loaded: Sequence[Loaded | None]) -> list[Worked | None]:  # noqa: ARG002 - plans tell all
        """Prices the batch in one thread, off the event loop."""
        return await asyncio.to_thread(lambda: [None if each is None else _worked(each, self.parsed) for each in loaded])

    async def save(
        self, connection: Connection, events: Sequence[Event], results: Sequence[Worked | Failure | None]
    ) -> list[Answer]:
        """The slices that had not ended end; then their rows; then their runs are counted, and completed by the last."""
        now, keys = datetime.now(UTC), [key_of(event.data) for event in events]
        endings = {key: _ending(result, now) for key, result in zip(keys, results, strict=True) if result and _is_due(result)}
        await self._name_positions(connection, endings)
        completed = None
        while completed is None:  # once more for each run that is cancelled meanwhile
            with suppress(CancelledMeanwhile):
                async with connection.transaction():
                    completed = await self._end(connection, endings, now)
        return [
            Answer(None, _failure(result)) if key not in completed else replace(completed[key], failure=_failure(result))
            for key, result in zip(keys, results, strict=True)
        ]

    async def _name_positions(self, connection: Connection, endings: dict[SliceKey, Ending]) -> None:
        """Adds the ids of positions whose slice failed before they were read, where the event holds them itself."""
        unread = [key for key, each in endings.items() if each.priced is None and not each.position_ids]
        for key, plan in (await planned_slices(connection, unread) if unread else {}).items():
            ids = inline_ids(plan.request, plan.first_row, plan.positions)
            endings[key] = replace(endings[key], position_ids=ids)

    async def _end(self, connection: Connection, endings: Mapping[SliceKey, Ending], now: datetime) -> dict[SliceKey, Answer]:
        """Writes how slices ended, with their rows; the completions of the runs that end with them."""
        ended = await end_slices(connection, [end_of(key, each, self.worker, now) for key, each in endings.items()])
        if not ended:
            return {}
        runs = await stored_generations(connection, {RunKey(key.run_id, key.generation) for key in ended})
        of_slice = {key: runs[RunKey(key.run_id, key.generation)] for key in ended}
        rows = [rows_of(of_slice[key], key.slice_no, where, endings[key]) for key, where in ended.items()]
        await copy_results(connection, rows)
        return await complete_runs(connection, ended, now)

    async def _load(self, event: Event, plan: PlannedSlice | None, past: Collection[RunKey]) -> Loaded | Failure | None:
        asked: SliceRequested = event.data
        if plan is None and RunKey(UUID(asked.run_id), asked.generation) not in past:
            return Permanent("unknown_slice", f"run {asked.run_id} has no such plan with a slice {asked.slice_no}")
        if plan is not None and (plan.input_sha256.hex() != asked.input_sha256 or plan.client_id != event.client_id):
            told = f"slice {asked.slice_no} of run {asked.run_id} was planned with another input or for another client"
            return Conflict(Reason.INPUT_CONFLICT, f"{told}: ask for the run, and its slices are asked for by Millrace")
        if event.generation and (plan is None or not plan.is_due):
            return Permanent(
                "slice_ended", f"slice {asked.slice_no} of run {asked.run_id} ended before: have its run reprocessed"
            )
        if plan is None:
            return None
        loaded = Loaded(plan, datetime.now(UTC))
        try:
            if plan.is_due:
                await self._read(loaded)
        except Permanent as refused:
            loaded.refused = refused
        except Transient as failure:
            return failure
        return loaded

    async def _read(self, loaded: Loaded) -> None:
        plan = loaded.plan
        loaded.run = run = await asyncio.to_thread(requested_run, plan.request)
        if plan.positions_uri is not None:
            try:
                loaded.portfolio = await self.objects.ranges(plan.positions_uri, _slice(plan).ranges)
            except ObjectNotFound as error:
                raise Permanent("portfolio_not_found", error.message) from error
            except ObjectTooShort as error:
                raise Permanent("checksum_mismatch", f"{error.message}: it has changed since the run was planned") from error
        loaded.market, digest = await self._market(run, plan.client_id)
        if digest != plan.market_sha256:
            raise Permanent("checksum_mismatch", "the market has changed since the run was planned")

    async def _market(self, run: RunRequested, client_id: str) -> tuple[bytes, bytes | None]:
        """The content of a market that the run does not hold itself, and its digest."""
        if isinstance(run.market, StoredObject):
            return await read_object(self.objects, run.market, self.object_max_bytes, "market_unreadable")
        if isinstance(run.market, MarketById):
            async with tenant_session(self.database, client_id) as connection:
                found = (await read_markets(connection, client_id, [run.market.snapshot_id])).get(run.market.snapshot_id)
            if found is None:
                raise Permanent("market_not_found", f"market snapshot {run.market.snapshot_id!r} is gone")
            return found.content, found.content_sha256
        return b"", None


def key_of(asked: SliceRequested) -> SliceKey:
    """Which slice an event asks for."""
    return SliceKey(UUID(asked.run_id), asked.generation, asked.slice_no)


def _late(event: Event) -> Late:
    return Late(UUID(event.data.run_id), event.client_id, event.data.generation, event.causation_id)


def _slice(plan: PlannedSlice) -> Slice:
    bounds = list(plan.byte_ranges)
    return Slice(plan.first_row, plan.positions, tuple(zip(bounds[::2], bounds[1::2], strict=True)), plan.bytes_sha256)


def _worked(loaded: Loaded, parsed: Parsed) -> Worked:
    worked = Worked(loaded.plan, loaded.started_at, refused=loaded.refused)
    if loaded.run is None:
        return worked
    try:
        portfolio = _portfolio(loaded, loaded.run)
        worked.position_ids = portfolio.position_ids
        if loaded.refused is None:
            worked.priced = _priced(portfolio, loaded, loaded.run, parsed)
    except Permanent as refused:
        worked.refused = loaded.refused or refused
    return worked


def _portfolio(loaded: Loaded, run: RunRequested) -> Portfolio:
    part, uri = _slice(loaded.plan), loaded.plan.positions_uri
    if isinstance(run.portfolio, InlinePortfolio):
        positions = run.portfolio.positions[part.first_row : part.first_row + part.positions]
        return Portfolio.from_records(positions, run.group_by)
    return Portfolio.from_file(read_slice(part, loaded.portfolio, uri or "", run.group_by), run.group_by)


def _priced(portfolio: Portfolio, loaded: Loaded, run: RunRequested, parsed: Parsed) -> PricedRun:
    market = known_market(run, loaded.market, loaded.plan.market_sha256, parsed)
    return price_run(portfolio, market, run.scenarios, run.measures, run.valuation_date, run.reporting_currency)


def _is_due(result: Worked | Failure) -> bool:
    """Whether there is anything to store. What failed before its plan was read may be due, which the tables know."""
    return isinstance(result, Failure) or result.priced is not None or result.refused is not None


def _ending(result: Worked | Failure, now: datetime) -> Ending:
    if isinstance(result, Failure):
        return Ending(None, result, now)
    return Ending(result.priced, result.refused, result.started_at, result.position_ids)


def _failure(result: Worked | Failure | None) -> Failure | None:
    return result if isinstance(result, Failure) else None
