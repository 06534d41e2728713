"""Portfolios: each client's, by id, written once and never changed; their positions lie in the object store."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, NamedTuple, cast

import orjson

from storage.database import Connection


class PortfolioRow(NamedTuple):
    """One portfolio: `products` counts its positions by product type, `content_sha256` is that of its positions."""

    client_id: str
    portfolio_id: str
    content_sha256: bytes
    uri: str
    object_sha256: bytes
    object_bytes: int
    positions: int
    products: Mapping[str, int]
    loaded_at: datetime


FIELDS = "client_id, portfolio_id, content_sha256, uri, object_sha256, object_bytes, positions, products, loaded_at"

# Uses pk_portfolios: whoever comes second under an id waits for the first, and changes nothing.
INSERT = f"""
insert into portfolios ({FIELDS}) values ($1, $2, $3, $4, $5, $6, $7, $8::text::jsonb, now())
on conflict (client_id, portfolio_id) do nothing
"""  # noqa: S608 - FIELDS is a constant

READ = f"select {FIELDS.replace('products', 'products::text')} from portfolios"  # noqa: S608 - a constant

# Uses pk_portfolios.
BY_ID = f"{READ} where client_id = $1 and portfolio_id = any($2::text[])"

# Uses ix_portfolios_client_id_content_sha256.
BY_CONTENT = f"{READ} where client_id = $1 and content_sha256 = $2 order by loaded_at, portfolio_id limit 1"

# Uses pk_portfolios.
NEWEST = f"{READ} where client_id = $1 order by loaded_at desc, portfolio_id limit $2"


async def insert_portfolio(connection: Connection, row: PortfolioRow) -> tuple[PortfolioRow, bool]:
    """What is stored under the row's id now, and whether that is this row; its `loaded_at` is the database's time.

    What is there is left as it is: the caller compares `content_sha256`.
    """
    stored = row._replace(products=orjson.dumps(row.products).decode())  # type: ignore[arg-type]  # as COPY would have it
    tag = await connection.execute(INSERT, *stored[:-1])
    return (await read_portfolios(connection, row.client_id, [row.portfolio_id]))[row.portfolio_id], tag == "INSERT 0 1"


async def read_portfolios(connection: Connection, client_id: str, portfolio_ids: Collection[str]) -> dict[str, PortfolioRow]:
    """The client's portfolios of these ids, as far as they are there."""
    return {row["portfolio_id"]: _row(row) for row in await connection.fetch(BY_ID, client_id, list(portfolio_ids))}


async def portfolio_of_content(connection: Connection, client_id: str, content_sha256: bytes) -> PortfolioRow | None:
    """The client's portfolio of these positions that was loaded first, or None."""
    found = await connection.fetchrow(BY_CONTENT, client_id, content_sha256)
    return _row(found) if found else None


async def newest_portfolios(connection: Connection, client_id: str, limit: int) -> list[PortfolioRow]:
    """The client's portfolios, the last loaded first."""
    return [_row(row) for row in await connection.fetch(NEWEST, client_id, limit)]


def _row(found: Any) -> PortfolioRow:
    row = PortfolioRow(*found)
    return row._replace(products=orjson.loads(cast("str", row.products)))
