"""Portfolios in the database: written once, by content, never changed."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

from storage.database import Database
from storage.portfolios import PortfolioRow, insert_portfolio, newest_portfolios, portfolio_of_content, read_portfolios


def a_row(**columns: Any) -> PortfolioRow:
    row = PortfolioRow(
        client_id="acme",
        portfolio_id="desk",
        content_sha256=b"c" * 32,
        uri="portfolios/acme/0.csv",
        object_sha256=b"o" * 32,
        object_bytes=5_000_000_000,
        positions=3,
        products={"FX_FWD": 2, 'say "other"': 1},
        loaded_at=datetime(2000, 1, 1, tzinfo=UTC),
    )
    return row._replace(**columns)


async def load(database: Database, row: PortfolioRow) -> tuple[PortfolioRow, bool]:
    async with database.transaction() as connection:
        return await insert_portfolio(connection, row)


async def test_other_content_under_an_id_is_left_out_and_what_stands_there_told(database: Database) -> None:
    first, is_new = await load(database, a_row())
    assert is_new
    assert await load(database, a_row(content_sha256=b"x" * 32, uri="other.csv")) == (first, False)


async def test_of_many_who_load_under_one_id_at_once_one_is_first_and_the_others_are_told(database: Database) -> None:
    rows = [a_row(content_sha256=bytes([number]) * 32) for number in range(8)]
    loaded = await asyncio.gather(*(load(database, row) for row in rows))
    assert [is_new for _, is_new in loaded].count(True) == 1
    assert len({row.content_sha256 for row, _ in loaded}) == 1


async def test_a_portfolio_is_stored_as_it_was_given_but_for_the_time_which_is_the_databases(database: Database) -> None:
    row, _ = await load(database, a_row())
    assert row._replace(loaded_at=a_row().loaded_at) == a_row()
    assert row.loaded_at > a_row().loaded_at


async def test_each_client_has_its_own_ids_and_finds_its_own_content(database: Database) -> None:
    await load(database, a_row())
    await load(database, a_row(client_id="rival", portfolio_id="theirs"))
    async with database.connection() as connection:
        assert set(await read_portfolios(connection, "acme", ["desk", "theirs"])) == {"desk"}
        found = await portfolio_of_content(connection, "rival", b"c" * 32)
        assert found is not None
        assert found.portfolio_id == "theirs"
        assert await portfolio_of_content(connection, "nobody", b"c" * 32) is None
        assert [row.portfolio_id for row in await newest_portfolios(connection, "acme", 9)] == ["desk"]
