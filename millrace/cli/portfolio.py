"""`millrace portfolio`: portfolios that runs name by their id: loaded once, never changed."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from millrace.cli.asking import ask, known_client, usable_id
from millrace.cli.output import Json, data, note, print_facts, print_json, table
from millrace.cli.portfolio_explain import explain

if TYPE_CHECKING:
    from millrace.portfolios import PortfolioFile
    from millrace.settings import Settings
    from storage.portfolios import PortfolioRow

app = typer.Typer(help="Portfolios: load, show, list, explain.", no_args_is_help=True)

Client = Annotated[str, typer.Option(callback=known_client, help="The client whose portfolios they are.")]


@app.command(short_help="Keep a portfolio under an id; print that.")
def load(
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="Parquet, CSV, or JSON lines (.jsonl, .ndjson).")
    ],
    client: Annotated[str, typer.Option(callback=known_client, help="The client whose runs may name it.")],
    name: Annotated[
        str | None, typer.Option("--id", callback=usable_id, metavar="ID", help="Its id, instead of the digest of its content.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Keep a portfolio, so that runs can name it: "portfolio": {"portfolio_id": …}. Prints its id.

    Without --id it goes by the id that the same positions have already, else by their sha256; the same positions in another
    kind of file are the same portfolio. Loading them again changes nothing and prints the same id. Other positions under an id
    that is taken are refused, exit code 4.

    The file is read a part at a time, of whatever length it is, and its bytes go into the object store.
    """
    from millrace.cli.publish import progress
    from millrace.cli.servers import settings
    from millrace.portfolios import enter, examine, known_as

    with progress("reading", file.stat().st_size) as show:
        found = examine(file, show)
    chosen = settings("object_store_url", "database_url")
    wanted = found.row(client, name)
    stored = ask(lambda connection: known_as(connection, wanted, name))
    if stored is None or stored.uri == wanted.uri:
        _store(chosen, found, wanted)
    row, is_new = (stored, False) if stored else ask(lambda connection: enter(connection, wanted))
    _tell(row, is_new=is_new, as_json=as_json)


@app.command(short_help="Print what is known of a portfolio.")
def show(portfolio_id: Annotated[str, typer.Argument(metavar="ID")], client: Client, as_json: Json = False) -> None:
    """Print what is known of a portfolio: its digest, where its positions lie, and how many there are of each product type."""
    from millrace.failures import CommandError
    from storage.portfolios import read_portfolios

    row = ask(lambda connection: read_portfolios(connection, client, [portfolio_id]), client).get(portfolio_id)
    if row is None:
        raise CommandError(f"{client} has no portfolio {portfolio_id!r}", f"All: millrace portfolio list --client {client}")
    if as_json:
        print_json(_plain(row))
        return
    print_facts({name: value for name, value in _plain(row).items() if name != "products"})
    if row.products:
        lines = [(name, f"{number:,}") for name, number in sorted(row.products.items())]
        data().print(table(("product", "positions"), lines, numbers=("positions",)))


@app.command("list", short_help="Print a client's portfolios, the last loaded first.")
def list_(
    client: Client,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")] = 20,
    as_json: Json = False,
) -> None:
    """Print a client's portfolios, the last loaded first."""
    from storage.portfolios import newest_portfolios

    rows = ask(lambda connection: newest_portfolios(connection, client, limit), client)
    if as_json:
        print_json({"data": [_plain(row) for row in rows]})
        return
    if not rows:
        note(f"{client} has no portfolios.")
        return
    lines = [(row.portfolio_id, f"{row.positions:,}", f"{row.loaded_at:%Y-%m-%d %H:%M:%S}", row.uri) for row in rows]
    data().print(table(("id", "positions", "loaded at", "uri"), lines, numbers=("positions",), whole=("loaded at",)))


def _store(chosen: Settings, file: PortfolioFile, row: PortfolioRow) -> None:
    from events.failures import Failure, Outage
    from millrace.composition import objects_of
    from millrace.failures import CommandError, Unreachable
    from millrace.portfolios import store

    note(f"[dim]storing {file.state.size:,} bytes[/]")
    try:
        asyncio.run(store(objects_of(chosen), file, row))
    except Outage as outage:
        raise Unreachable(f"the object store does not answer: {outage.message}", "See OBJECT_STORE_URL.") from None
    except Failure as failure:
        raise CommandError(f"the object store does not take it: {failure}; nothing was loaded") from None


def _tell(row: PortfolioRow, *, is_new: bool, as_json: bool) -> None:
    if as_json:
        print_json(_plain(row) | {"is_new": is_new})
        return
    typer.echo(row.portfolio_id)
    loaded = "loaded" if is_new else "was loaded before"
    note(f"[dim]{loaded}: {row.positions:,} positions, sha256 {row.content_sha256.hex()}[/]")


def _plain(row: PortfolioRow) -> dict[str, Any]:
    """The portfolio by the names of its columns, as JSON has it; `sha256` is what a run may name beside the id."""
    plain = row._asdict() | {"object_sha256": row.object_sha256.hex()}
    digest = plain.pop("content_sha256").hex()
    return {"portfolio_id": row.portfolio_id, "client_id": row.client_id, "sha256": digest} | plain


app.command(short_help="Print why a portfolio is worth something else than before.")(explain)
