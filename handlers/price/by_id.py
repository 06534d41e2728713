"""Market snapshots and portfolios that runs name by their ids: looked up for their client, and compared with what was said."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from events.event import Event
from events.failures import Permanent
from events.model import StoredObject
from events.run import MarketById, PortfolioById
from storage.database import Database
from storage.markets import MarketRow, read_markets
from storage.portfolios import PortfolioRow, read_portfolios
from storage.tenant import tenant_session

# A scheme, which no uri has: an id is never taken for one.
MARKET, PORTFOLIO = "market:", "portfolio:"


@dataclass(slots=True)
class Shelf:
    """What one client's runs name by id, as far as it is there."""

    client_id: str
    markets: Mapping[str, MarketRow] = field(default_factory=dict)
    portfolios: Mapping[str, PortfolioRow] = field(default_factory=dict)

    def market(self, named: MarketById) -> tuple[bytes, tuple[str, bytes]]:
        """The snapshot's content, and its name and digest for the run's input.

        Raises Permanent: market_not_found, also where the id is another client's, or checksum_mismatch.
        """
        found = self.markets.get(named.snapshot_id)
        if found is None:
            what = f"client {self.client_id} has no market snapshot {named.snapshot_id!r}"
            raise Permanent("market_not_found", f"{what}: load it first (millrace market load)")
        _require_same(f"market snapshot {named.snapshot_id!r}", named.sha256, found.content_sha256)
        return found.content, (MARKET + named.snapshot_id, found.content_sha256)

    def portfolio(self, named: PortfolioById) -> tuple[StoredObject, tuple[str, bytes]]:
        """Where the portfolio's positions lie, and its name and digest for the run's input.

        Raises Permanent: portfolio_not_found, also where the id is another client's, or checksum_mismatch.
        """
        found = self.portfolios.get(named.portfolio_id)
        if found is None:
            what = f"client {self.client_id} has no portfolio {named.portfolio_id!r}"
            raise Permanent("portfolio_not_found", f"{what}: load it first (millrace portfolio load)")
        _require_same(f"portfolio {named.portfolio_id!r}", named.sha256, found.content_sha256)
        stored = StoredObject(uri=found.uri, sha256=found.object_sha256.hex())
        return stored, (PORTFOLIO + named.portfolio_id, found.content_sha256)


async def shelves(database: Database, events: Sequence[Event]) -> list[Shelf]:
    """What each event's client has of what these events name: one session a client, and none where nothing is named."""
    clients = {event.client_id: Shelf(event.client_id) for event in events}
    for client, (snapshot_ids, portfolio_ids) in _named(events).items():
        async with tenant_session(database, client) as connection:
            clients[client].markets = await read_markets(connection, client, snapshot_ids)
            clients[client].portfolios = await read_portfolios(connection, client, portfolio_ids)
    return [clients[event.client_id] for event in events]


def _named(events: Iterable[Event]) -> dict[str, tuple[set[str], set[str]]]:
    """The ids of snapshots and portfolios that events name, by client; only clients that name any."""
    named = defaultdict[str, tuple[set[str], set[str]]](lambda: (set(), set()))
    for event in events:
        if isinstance(event.data.market, MarketById):
            named[event.client_id][0].add(event.data.market.snapshot_id)
        if isinstance(event.data.portfolio, PortfolioById):
            named[event.client_id][1].add(event.data.portfolio.portfolio_id)
    return named


def _require_same(what: str, said: str | None, digest: bytes) -> None:
    if said is not None and said != digest.hex():
        raise Permanent("checksum_mismatch", f"{what} has sha256 {digest.hex()}, but the event names {said}")
