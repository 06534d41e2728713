"""`millrace results`: what a run came to; documents and audits stand beside."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from millrace.cli.asking import ask
from millrace.cli.output import Json, data, note, print_facts, print_json, table
from millrace.cli.results_audit import audit
from millrace.cli.results_document import document

if TYPE_CHECKING:
    from storage.database import Connection
    from storage.runs import RunRow

app = typer.Typer(help="What came out.", no_args_is_help=True)

FACTS = (
    "run_id", "client_id", "status", "generation", "valuation_date", "reporting_currency", "positions", "errors",
    "failure_code", "failure_message", "started_at", "completed_at", "pricer_version", "snapshot_id",
)  # fmt: skip


@app.command(short_help="Print a run: state, totals, errors, values.")
def run(
    run_id: Annotated[UUID, typer.Argument(metavar="ID")],
    client: Annotated[str | None, typer.Option(help="Read as this client, who sees its own runs only.")] = None,
    rows: Annotated[int, typer.Option(min=0, max=1_000_000, help="Print so many rows of values.")] = 0,
    errors: Annotated[bool, typer.Option("--errors", help="Of the rows only those with an error.")] = False,
    as_json: Json = False,
) -> None:
    """Print a run: its state, its totals by scenario, the rows that could not be priced, and values if asked for."""
    from millrace.failures import CommandError

    errors_only = errors or rows == 0
    found, values = ask(lambda connection: _read(connection, run_id, rows or 20, errors_only), client)
    if found is None:
        raise CommandError(f"there is no run {run_id}" + (f" of client {client}" if client else ""))
    if as_json:
        print_json(as_plain(found) | {"rows": values})
        return
    print_facts({name: value for name, value in as_plain(found).items() if name in FACTS and value is not None})
    if found.totals:
        data().print(totals_table(as_plain(found)["totals"], found.scenario_ids, found.reporting_currency))
    _print_rows(found, values, errors_only)


async def _read(
    connection: Connection, run_id: UUID, limit: int, errors_only: bool
) -> tuple[RunRow | None, list[dict[str, Any]]]:
    from storage.results import read_results
    from storage.runs import read_run

    found = await read_run(connection, run_id)
    return found, await read_results(connection, run_id, limit=limit, errors_only=errors_only) if found else []


def as_plain(found: RunRow) -> dict[str, Any]:
    """The run by the names of its columns, as JSON has it."""
    import orjson

    totals: Any = found.totals
    plain = {"totals": orjson.loads(totals) if isinstance(totals, str) else totals, "input_sha256": found.input_sha256.hex()}
    return found._asdict() | plain


def totals_table(totals: Mapping[str, Mapping[str, float | None]], scenarios: Sequence[str], currency: str) -> Any:
    """One line for each scenario, one column for each measure that has totals."""
    lines = [(name, *(money(totals[measure].get(name)) for measure in totals)) for name in scenarios]
    return table(("scenario", *totals), lines, title=f"Totals in {currency}", numbers=totals)


def money(amount: float | None) -> str:
    """An amount for people; a missing one is `-`, never 0."""
    return "-" if amount is None else f"{amount:,.2f}"


def _print_rows(found: RunRow, values: Iterable[Mapping[str, Any]], errors_only: bool) -> None:
    shown = list(values)
    if not shown:
        return
    columns = (
        ("row", "position", "measure", "bucket", "error", "detail") if errors_only else ("row", "position", "measure", "bucket")
    )
    lines = [_cells(row, errors_only) for row in shown]
    scenarios = () if errors_only else found.scenario_ids
    title = "Could not be priced" if errors_only else "Values"
    data().print(table((*columns, *scenarios), lines, title=title, numbers=("row", *scenarios)))
    if errors_only and found.errors > len(shown):
        note(f"[dim]{len(shown)} of {found.errors} rows with an error; more: --errors --rows {found.errors}[/]")


def _cells(row: Mapping[str, Any], errors_only: bool) -> tuple[Any, ...]:
    place = (row["row_no"], row["position_id"], row["measure"], row["bucket"])
    if errors_only:
        return (*place, row["error"], row["error_detail"])
    return (*place, *(row["error"] if value is None else f"{value:,.2f}" for value in row["values"]))


app.command("document", short_help="Print a document: versions, chunks, costs.")(document)
app.command("audit", short_help="Print an audit: findings, quotes, doubts, cost.")(audit)
