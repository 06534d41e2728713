"""`millrace portfolio explain`: why a portfolio is worth something else than before."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import typer

from millrace.cli.asking import ask, known_client
from millrace.cli.output import Json, data, note, print_json, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from handlers.price.portfolio import Portfolio
    from handlers.price.risk.explain import Explained, Snapshot
    from storage.database import Connection
    from storage.markets import MarketRow
    from storage.portfolios import PortfolioRow


def _currency(code: str) -> str:
    from handlers.price.currencies import currency_code

    try:
        currency_code(code)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    return code


def explain(
    portfolio_id: Annotated[str, typer.Argument(metavar="PORTFOLIO")],
    before: Annotated[str, typer.Argument(metavar="BEFORE", help="The earlier market snapshot.")],
    after: Annotated[str, typer.Argument(metavar="AFTER", help="The later one.")],
    client: Annotated[str, typer.Option(callback=known_client, help="The client whose they are.")],
    currency: Annotated[str, typer.Option(callback=_currency, help="What amounts are told in.")] = "USD",
    positions: Annotated[int, typer.Option(min=0, metavar="N", help="Also the N positions that made the most difference.")] = 0,
    as_json: Json = False,
) -> None:
    """Print what a portfolio gained or lost between two market snapshots, by what moved: carry, rates, credit, fx and so on.

    Each snapshot is valued on its as_of. A position without a value in either market, or with each part of it moved, is left
    out of every component and counted. The portfolio is priced here, not by the workers, and nothing is stored.
    """
    from handlers.price.risk.explain import explain as explained

    row, markets = ask(lambda connection: _rows(connection, client, portfolio_id, [before, after]), client)
    earlier, later = (_snapshot(each) for each in markets)
    if earlier.valuation > later.valuation:
        raise typer.BadParameter(f"{before} is of {earlier.valuation}, after {after}, which is of {later.valuation}")
    portfolio = _portfolio(row)
    found = explained(portfolio, earlier, later, currency)
    if as_json:
        facts = {"portfolio_id": portfolio_id, "before": before, "after": after, "currency": currency}
        most = _most(portfolio, found, positions)
        print_json(facts | {"components": found.totals, "left_out": found.missing, "positions": most})
    else:
        _print(portfolio, found, currency, positions)


def _print(portfolio: Portfolio, found: Explained, currency: str, positions: int) -> None:
    lines = [(name, f"{total:,.2f}") for name, total in found.totals.items()]
    data().print(table(("component", currency), lines, numbers=(currency,)))
    most = _most(portfolio, found, positions)
    if most:
        names = tuple(found.totals)
        rows = [(each["position_id"], *(f"{each[name]:,.2f}" for name in names)) for each in most]
        data().print(table(("position", *names), rows, numbers=names))
    if found.missing:
        note(
            f"[yellow]{found.missing:,} of {len(portfolio):,} positions are left out:[/] they have no value on some of the way"
        )


async def _rows(
    connection: Connection, client: str, portfolio_id: str, snapshot_ids: Sequence[str]
) -> tuple[PortfolioRow, list[MarketRow]]:
    from millrace.failures import CommandError
    from storage.markets import read_markets
    from storage.portfolios import read_portfolios

    portfolio = (await read_portfolios(connection, client, [portfolio_id])).get(portfolio_id)
    if portfolio is None:
        raise CommandError(f"{client} has no portfolio {portfolio_id!r}", f"All: millrace portfolio list --client {client}")
    markets = await read_markets(connection, client, snapshot_ids)
    for missing in (each for each in snapshot_ids if each not in markets):
        raise CommandError(f"{client} has no market snapshot {missing!r}", f"All: millrace market list --client {client}")
    return portfolio, [markets[each] for each in snapshot_ids]


def _snapshot(row: MarketRow) -> Snapshot:
    from handlers.price.inputs import parse_market
    from handlers.price.risk.explain import Snapshot

    return Snapshot(parse_market(row.content, row.snapshot_id, row.snapshot_id), row.as_of)


def _portfolio(row: PortfolioRow) -> Portfolio:
    from events.failures import Failure, Outage
    from events.model import StoredObject
    from handlers.objects import read_object
    from handlers.price.portfolio import Portfolio
    from millrace.cli.servers import settings
    from millrace.composition import objects_of
    from millrace.failures import CommandError, Unreachable

    chosen = settings("object_store_url")
    stored = StoredObject(uri=row.uri, sha256=row.object_sha256.hex())
    try:
        content, _ = asyncio.run(read_object(objects_of(chosen), stored, chosen.object_max_bytes, "portfolio_not_found"))
        return Portfolio.from_bytes(content, row.uri)
    except Outage as outage:
        raise Unreachable(f"the object store does not answer: {outage.message}", "See OBJECT_STORE_URL.") from None
    except Failure as failure:
        raise CommandError(f"the portfolio cannot be read: {failure}") from None


def _most(portfolio: Portfolio, found: Explained, count: int) -> list[dict[str, Any]]:
    """The positions with the greatest totals, whichever sign they have."""
    import numpy as np

    total = found.profits["total"]
    known = np.flatnonzero(np.isfinite(total))
    chosen = known[np.argsort(-np.abs(total[known]), kind="stable")][:count].tolist()
    return [
        {"position_id": portfolio.position_ids[row]} | {name: float(each[row]) for name, each in found.profits.items()}
        for row in chosen
    ]
