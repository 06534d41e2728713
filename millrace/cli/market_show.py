"""`millrace market show|diff|list`: what a snapshot holds, and what tells two of them apart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Annotated, Any

import typer

from millrace.cli.asking import ask, known_client
from millrace.cli.output import Json, data, note, print_facts, print_json, table

if TYPE_CHECKING:
    from handlers.price.snapshots import Difference
    from storage.markets import MarketRow

Client = Annotated[str, typer.Option(callback=known_client, help="The client whose snapshots they are.")]
ISO_SECONDS = "%Y-%m-%d %H:%M:%S"


def show(
    snapshot_id: Annotated[str, typer.Argument(metavar="ID")],
    client: Client,
    under: Annotated[str, typer.Option(metavar="PATH", help="Print every value below it, such as curves.USD.")] = "",
    as_json: Json = False,
) -> None:
    """Print a market snapshot: what it holds in a line each, or every value --under a path.

    With --json also the whole market, as a run takes it in "market": {"snapshot": …}.
    """
    [row] = _found(client, [snapshot_id])
    content = _content(row)
    if as_json:
        print_json(_facts(row) | {"market": {"snapshot_id": row.snapshot_id} | content})
        return
    print_facts(_facts(row))
    if under:
        _print_values(content, under)
    else:
        data().print(table(("what", "values", "first", "", "last", ""), _summary(content), numbers=("values",)))


def diff(
    before: Annotated[str, typer.Argument(metavar="ID")],
    after: Annotated[str, typer.Argument(metavar="ID")],
    client: Client,
    as_json: Json = False,
) -> None:
    """Print every value that two market snapshots do not share: rates with their change in bp, prices in per cent."""
    from handlers.price.snapshots import differences

    old, new = _found(client, [before, after])
    found = differences(_content(old), _content(new))
    if as_json:
        changes = [each._asdict() | {"path": ".".join(each.path)} for each in found]
        print_json({"before": _facts(old), "after": _facts(new), "differences": changes})
        return
    if not found:
        note(f"[dim]no difference: both are sha256 {old.content_sha256.hex()}[/]")
        return
    lines = [(".".join(each.path), _value(each.before), _value(each.after), _change(each)) for each in found]
    data().print(table(("what", before, after, "change"), lines, numbers=("change",)))


def list_(
    client: Client,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")] = 20,
    as_json: Json = False,
) -> None:
    """Print a client's market snapshots, the last loaded first."""
    from storage.markets import newest_markets

    rows = ask(lambda connection: newest_markets(connection, client, limit), client)
    if as_json:
        print_json({"data": [row._asdict() | {"content_sha256": row.content_sha256.hex()} for row in rows]})
        return
    if not rows:
        note(f"{client} has no market snapshots.")
        return
    lines = [(row.snapshot_id, row.as_of, f"{row.loaded_at:{ISO_SECONDS}}", row.content_sha256.hex()) for row in rows]
    data().print(table(("id", "as of", "loaded at", "sha256"), lines, whole=("as of", "loaded at")))


def _found(client: str, ids: Sequence[str]) -> list[MarketRow]:
    """The snapshots. Raises CommandError, naming the first that the client does not have."""
    from millrace.failures import CommandError
    from storage.markets import read_markets

    rows = ask(lambda connection: read_markets(connection, client, ids), client)
    for missing in (each for each in ids if each not in rows):
        raise CommandError(f"{client} has no market snapshot {missing!r}", f"All: millrace market list --client {client}")
    return [rows[each] for each in ids]


def _content(row: MarketRow) -> dict[str, Any]:
    import orjson

    content: dict[str, Any] = orjson.loads(row.content)
    return content


def _facts(row: MarketRow) -> dict[str, Any]:
    facts = {"snapshot_id": row.snapshot_id, "client_id": row.client_id, "as_of": row.as_of, "loaded_at": row.loaded_at}
    return facts | {"sha256": row.content_sha256.hex()}


def _summary(content: dict[str, Any]) -> Iterable[tuple[Any, ...]]:
    """One line for values that lie beside each other: how many, the first and the last."""
    from handlers.price.snapshots import leaves

    for place, group in groupby(leaves(content), key=lambda leaf: leaf[0][:-1]):
        values = list(group)
        if place:
            (first, *_), (last, *_) = values[0][0][-1:], values[-1][0][-1:]
            yield ".".join(place), len(values), first, _value(values[0][1]), last, _value(values[-1][1])


def _print_values(content: dict[str, Any], under: str) -> None:
    from handlers.price.snapshots import leaves
    from millrace.failures import CommandError

    paths = [(".".join(path), value) for path, value in leaves(content)]
    lines = [(path, _value(value)) for path, value in paths if path == under or path.startswith(under + ".")]
    if not lines:
        raise CommandError(f"the snapshot has nothing under {under!r}", "What it has: the same without --under")
    data().print(table(("what", "value"), lines))


def _value(value: Any) -> str:
    return "-" if value is None else str(value)


def _change(found: Difference) -> str:
    return "" if found.change is None else f"{found.change:+,.6g} {found.unit}".rstrip()
