"""Market snapshots: each client's, by id, written once and never changed."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime
from hashlib import sha256
from typing import NamedTuple

from storage.database import Connection


class MarketRow(NamedTuple):
    """One snapshot. `content` is canonical JSON, `content_sha256` its digest."""

    client_id: str
    snapshot_id: str
    as_of: date
    content_sha256: bytes
    content: bytes
    loaded_at: datetime


class MarketEntry(NamedTuple):
    """A snapshot without its content."""

    snapshot_id: str
    as_of: date
    content_sha256: bytes
    loaded_at: datetime


# Uses pk_market_snapshots: whoever comes second under an id waits for the first, and changes nothing.
INSERT = """
insert into market_snapshots (client_id, snapshot_id, as_of, content_sha256, content) values ($1, $2, $3, $4, $5::text::json)
on conflict (client_id, snapshot_id) do nothing
"""

# Uses pk_market_snapshots. As text, the content is what was stored, whatever the session makes of json.
BY_ID = """
select client_id, snapshot_id, as_of, content_sha256, convert_to(content::text, 'UTF8') as content, loaded_at
from market_snapshots where client_id = $1 and snapshot_id = any($2::text[])
"""

# Uses ix_market_snapshots_client_id_content_sha256.
ID_OF_CONTENT = """
select snapshot_id from market_snapshots where client_id = $1 and content_sha256 = $2 order by loaded_at, snapshot_id limit 1
"""

# Uses pk_market_snapshots.
NEWEST = """
select snapshot_id, as_of, content_sha256, loaded_at
from market_snapshots where client_id = $1 order by loaded_at desc, snapshot_id limit $2
"""


async def insert_market(
    connection: Connection, client_id: str, snapshot_id: str | None, as_of: date, content: bytes
) -> tuple[MarketRow, bool]:
    """What is stored under the id now, and whether that is this content, stored just now.

    Without an id, the content goes by the one that it has for this client already, else by its digest. What is there is
    left as it is: the caller compares `content_sha256`.
    """
    digest = sha256(content).digest()
    name = snapshot_id or await connection.fetchval(ID_OF_CONTENT, client_id, digest) or digest.hex()
    tag = await connection.execute(INSERT, client_id, name, as_of, digest, content.decode())
    return (await read_markets(connection, client_id, [name]))[name], tag == "INSERT 0 1"


async def read_markets(connection: Connection, client_id: str, snapshot_ids: Collection[str]) -> dict[str, MarketRow]:
    """The client's snapshots of these ids, as far as they are there."""
    found = await connection.fetch(BY_ID, client_id, list(snapshot_ids))
    return {row["snapshot_id"]: MarketRow(*row) for row in found}


async def newest_markets(connection: Connection, client_id: str, limit: int) -> list[MarketEntry]:
    """The client's snapshots, the last loaded first."""
    return [MarketEntry(*row) for row in await connection.fetch(NEWEST, client_id, limit)]
