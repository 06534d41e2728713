"""`millrace market`: snapshots that runs name by their id: loaded once, never changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from millrace.cli.asking import ask, known_client, usable_id
from millrace.cli.market_show import diff, list_, show
from millrace.cli.output import Json, note, print_json

if TYPE_CHECKING:
    from events.market import Market
    from storage.markets import MarketRow

MAX_BYTES = 32 * 1024 * 1024

app = typer.Typer(help="Market snapshots: load, show, diff, list.", no_args_is_help=True)


@app.command(short_help="Keep a market snapshot under an id; print that.")
def load(
    file: Annotated[typer.FileBinaryRead, typer.Argument(help="The market as JSON; - is standard input.")],
    client: Annotated[str, typer.Option(callback=known_client, help="The client whose runs may name it.")],
    name: Annotated[
        str | None, typer.Option("--id", callback=usable_id, metavar="ID", help="Its id, instead of the file's snapshot_id.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Keep a market snapshot, so that runs can name it: "market": {"snapshot_id": …}. Prints its id.

    Without --id and without a snapshot_id in the file it goes by the id that the same content has already, else by the
    sha256 of its content. The same content again changes nothing and prints the same id. Other content under an id that is
    taken is refused, exit code 4.
    """
    from handlers.price.snapshots import canonical_market
    from storage.markets import insert_market

    raw, market = _read(file, name)
    content = canonical_market(market)
    wanted = name or raw.get("snapshot_id")
    row, is_new = ask(lambda connection: insert_market(connection, client, wanted, market.as_of, content))
    _require_same(row, content)
    _tell(row, raw, market, is_new=is_new, as_json=as_json)


def _read(file: typer.FileBinaryRead, name: str | None) -> tuple[dict[str, Any], Market]:
    """The market in the file. Raises Refused, naming the field, unless it is one."""
    import orjson

    from events.failures import Permanent
    from handlers.price.inputs import parse_market
    from millrace.failures import Refused

    called = str(getattr(file, "name", "<stdin>"))
    content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise Refused(f"{called} has more than {MAX_BYTES:,} bytes; nothing was stored")
    try:
        raw = orjson.loads(content)
        unnamed = name or ("-" if isinstance(raw, dict) and raw.get("snapshot_id") is None else None)
        return raw, parse_market(content, called, unnamed)
    except orjson.JSONDecodeError as error:
        raise Refused(f"{called} is not JSON: {error}; nothing was stored") from None
    except Permanent as failure:
        raise Refused(f"{failure.message}; nothing was stored", "What a market is: docs/pricing.md") from None


def _require_same(row: MarketRow, content: bytes) -> None:
    from hashlib import sha256

    from millrace.failures import Refused

    if row.content_sha256 != sha256(content).digest():
        loaded = f"{row.loaded_at:%Y-%m-%d %H:%M:%S}"
        raise Refused(
            f"market snapshot {row.snapshot_id!r} of {row.client_id} has other content, loaded at {loaded}, and never changes",
            "Load this one under another id, with --id. What differs then: millrace market diff ID ID",
        )


def _tell(row: MarketRow, raw: dict[str, Any], market: Market, *, is_new: bool, as_json: bool) -> None:
    from events.text import printable
    from handlers.price.snapshots import unknown_fields

    ignored = unknown_fields(raw, market)
    if as_json:
        facts = {"client_id": row.client_id, "snapshot_id": row.snapshot_id, "as_of": row.as_of, "loaded_at": row.loaded_at}
        print_json(facts | {"sha256": row.content_sha256.hex(), "is_new": is_new, "ignored": ignored})
        return
    typer.echo(row.snapshot_id)
    note(f"[dim]{'loaded' if is_new else 'was loaded before'}: sha256 {row.content_sha256.hex()}[/]")
    if ignored:
        from rich.markup import escape

        note(f"[yellow]not kept, as no market has them:[/] {escape(printable(', '.join(ignored)))}")


app.command(short_help="Print a market snapshot.")(show)
app.command(short_help="Print what differs between two market snapshots.")(diff)
app.command("list", short_help="Print a client's market snapshots, the last loaded first.")(list_)
