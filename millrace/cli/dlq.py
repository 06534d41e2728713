"""`millrace dlq`: what was rejected or failed for good, and why."""

from __future__ import annotations

from collections.abc import Awaitable
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from millrace.cli.asking import ask, known_flow
from millrace.cli.output import Json, data, note, print_facts, print_json, table
from millrace.cli.retry import retry

if TYPE_CHECKING:
    from storage.database import Connection

app = typer.Typer(help="Dead letters: records that were rejected, and events that failed for good.", no_args_is_help=True)


class Status(StrEnum):
    """What has become of a dead letter."""

    DEAD = "dead"
    REPLAYED = "replayed"
    DISCARDED = "discarded"


@app.command("list")
def list_(
    flow: Annotated[str | None, typer.Option(callback=known_flow, help="Only of this kind of work.")] = None,
    client: Annotated[str | None, typer.Option(help="Only of this client.")] = None,
    status: Annotated[Status, typer.Option(help="Only in this state.")] = Status.DEAD,
    limit: Annotated[int, typer.Option(min=1, max=50, help="At most so many.")] = 20,
    offset: Annotated[int, typer.Option(min=0, max=1_000_000_000, help="Leave out so many of the newest.")] = 0,
    as_json: Json = False,
) -> None:
    """List dead letters, newest first."""
    from storage import dead_letters

    def page(connection: Connection) -> Awaitable[tuple[list[dict[str, Any]], int]]:
        return dead_letters.page(connection, status=status, flow=flow, client_id=client, offset=offset, limit=limit)

    rows, total = ask(page)
    if as_json:
        place = {"offset": offset, "limit": limit, "total": total, "has_more": offset + len(rows) < total}
        print_json({"data": [as_plain(row) for row in rows]} | place)
        return
    if not rows:
        note("No dead letters.")
        return
    columns = ("id", "last failed", "flow", "client", "reason", "message")
    data().print(table(columns, map(_line, rows), whole=columns[:-1]))
    note(f"[dim]{offset + 1}-{offset + len(rows)} of {total}. One of them in full: millrace dlq show ID[/]")


@app.command()
def show(letter_id: Annotated[UUID, typer.Argument(metavar="ID")], as_json: Json = False) -> None:
    """Show one dead letter in full, with the record as it was received."""
    from millrace.failures import CommandError
    from storage import dead_letters

    row = ask(lambda connection: dead_letters.one(connection, letter_id))
    if row is None:
        raise CommandError(f"there is no dead letter {letter_id}", "All of them: millrace dlq list")
    if as_json:
        print_json(as_plain(row))
    else:
        print_facts({name: value for name, value in as_plain(row).items() if value is not None})


app.command("retry")(retry)


def as_plain(row: dict[str, Any]) -> dict[str, Any]:
    """The row with bytes as text where they are UTF-8, else in hexadecimal after `hex:`."""
    return {name: _text(value) if isinstance(value, bytes) else value for name, value in row.items()}


def _line(row: dict[str, Any]) -> tuple[Any, ...]:
    when = row["last_failed_at"].strftime("%Y-%m-%d %H:%M:%S")
    return row["id"], when, row["flow"], row["client_id"] or "-", row["reason"], row["message"]


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return f"hex:{value.hex()}"
