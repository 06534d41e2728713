"""What a run refers to, read: its market, and its portfolio or, where that is large, the plan of it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from events.event import Event
from events.failures import Failure, Permanent, Reason, Transient, Waiting
from events.identity import input_sha256
from events.market import Market
from events.model import StoredObject
from events.run import InlineMarket, InlinePortfolio, MarketById, PortfolioById, RunRequested
from handlers.objects import read_object
from handlers.parsed import Content, Parsed
from handlers.price.by_id import Shelf, shelves
from handlers.price.engine import cells_a_position
from handlers.price.inputs import parse_market
from handlers.price.planning import Bounds, Plan, plan_object
from handlers.price.risk.days import with_days
from handlers.price.slicing import most_positions
from handlers.resources import Resources
from storage.objects import ObjectNotFound
from storage.runs import stored_runs

# A larger portfolio is not held whole, but passes by while its slices are found.
WHOLE_BYTES = 16 * 1024 * 1024
# How long another request for a run waits for the end of the first.
UNFINISHED_SECONDS = 86_400.0
# A byte of a market's JSON becomes about seven of objects.
_PARSED_SIZE = 7


@dataclass(slots=True)
class Loaded:
    """The bytes that a run refers to; None where the event holds the thing itself, or `plan` tells of it.

    `run`: what is asked for, days of the past among its scenarios. `positions_uri`: where the portfolio lies. `digests`: the
    name and sha256 of each thing referred to.
    """

    started_at: datetime
    run: RunRequested
    portfolio: bytes | None = None
    positions_uri: str | None = None
    plan: Plan | None = None
    market: bytes | None = None
    market_sha256: bytes | None = None
    portfolio_sha256: bytes | None = None
    digests: list[tuple[str, bytes]] = field(default_factory=list)


class Loader:
    """Reads what runs refer to."""

    def __init__(self, resources: Resources) -> None:
        self.database, self.objects = resources.database, resources.objects
        self.object_max_bytes, self.slice_cells = resources.object_max_bytes, resources.run_slice_cells
        self.parsed = resources.parsed

    async def load(self, events: Sequence[Event]) -> list[Loaded | Failure]:
        """What each of the runs needs, side by side."""
        found = await shelves(self.database, events)
        return await asyncio.gather(*(self._load(event, shelf) for event, shelf in zip(events, found, strict=True)))

    def market(self, run: RunRequested, loaded: Loaded) -> Market:
        """The run's market. Raises Permanent, code market_unreadable."""
        return known_market(run, loaded.market or b"", loaded.market_sha256, self.parsed)

    def bounds(self, run: RunRequested, market: Market) -> Bounds:
        """What of the run is priced at once."""
        most = most_positions(self.slice_cells, cells_a_position(len(run.scenarios), run.measures, market))
        return Bounds(most, self.object_max_bytes, run.group_by)

    async def _load(self, event: Event, shelf: Shelf) -> Loaded | Failure:
        loaded = Loaded(datetime.now(UTC), event.data)
        try:
            await self._load_market(event.data, shelf, loaded)
            await self._load_days(loaded)
            await self._load_portfolio(event, shelf, loaded)
        except (Permanent, Transient, Waiting) as failure:
            return failure
        return loaded

    async def _load_market(self, run: RunRequested, shelf: Shelf, loaded: Loaded) -> None:
        if isinstance(run.market, MarketById):
            loaded.market, digest = shelf.market(run.market)
        elif isinstance(run.market, StoredObject):
            loaded.market, digest = await self._read(run.market, "market_unreadable")
        else:
            return
        loaded.market_sha256 = digest[1]
        loaded.digests.append(digest)

    async def _load_days(self, loaded: Loaded) -> None:
        asked = loaded.run.tail_risk
        if asked is None:
            return
        content = b""
        if isinstance(asked.moves, StoredObject):
            content, digest = await self._read(asked.moves, "moves_unreadable")
            loaded.digests.append(digest)
        loaded.run = await asyncio.to_thread(with_days, loaded.run, content)

    async def _load_portfolio(self, event: Event, shelf: Shelf, loaded: Loaded) -> None:
        stored, digest = event.data.portfolio, None
        if isinstance(stored, InlinePortfolio):
            return
        if isinstance(stored, PortfolioById):
            stored, digest = shelf.portfolio(stored)
        loaded.positions_uri = stored.uri
        try:
            size = await self.objects.size(stored.uri)
        except ObjectNotFound as error:
            raise Permanent("portfolio_not_found", error.message) from error
        if size > min(WHOLE_BYTES, self.object_max_bytes):
            loaded.plan = await self._plan(event, stored, size, loaded)
            of_bytes = stored.uri, loaded.plan.sha256
        else:
            loaded.portfolio, of_bytes = await self._read(stored, "portfolio_not_found")
        digest = digest or of_bytes
        loaded.portfolio_sha256 = digest[1]
        loaded.digests.append(digest)

    async def _plan(self, event: Event, stored: StoredObject, size: int, loaded: Loaded) -> Plan:
        await self._wait_for_another(event)
        market = await asyncio.to_thread(self.market, loaded.run, loaded)
        return await plan_object(self.objects, stored, size, self.bounds(loaded.run, market))

    async def _wait_for_another(self, event: Event) -> None:
        """A look before much is read, which decides nothing: what is stored does, at save."""
        run_id = UUID(event.data.run_id)
        async with self.database.connection() as connection:
            stored = (await stored_runs(connection, [run_id])).get(run_id)
        request = input_sha256(event.client_id, event.data_sha256 or b"")
        if stored is not None and stored.status == "planned" and stored.request_sha256 == request:
            raise unfinished(run_id)

    async def _read(self, stored: StoredObject, when_missing: str) -> tuple[bytes, tuple[str, bytes]]:
        content, digest = await read_object(self.objects, stored, self.object_max_bytes, when_missing)
        return content, (stored.uri, digest)


def known_market(run: RunRequested, content: bytes, digest: bytes | None, parsed: Parsed) -> Market:
    """The run's market: the event's own, or what the `content` that it refers to, of that sha256, holds: parsed once.

    Raises Permanent, code market_unreadable.
    """
    named = run.market
    if isinstance(named, InlineMarket):
        return named.snapshot
    name, snapshot_id = (named.snapshot_id,) * 2 if isinstance(named, MarketById) else (named.uri, None)
    if digest is None:
        return parse_market(content, name, snapshot_id)
    market = Content("market", digest, snapshot_id)
    return parsed.get(market, _PARSED_SIZE * len(content), lambda: parse_market(content, name, snapshot_id))


def unfinished(run_id: UUID) -> Waiting:
    """What another request for a run meets while the first is planned."""
    return Waiting(Reason.INTERNAL, f"run {run_id} was asked for by another event and is not finished", UNFINISHED_SECONDS)
