"""`millrace results`: what a run came to; documents and audits stand beside."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from millrace.cli.asking import ask
from millrace.cli.output import Json, print_json
from millrace.cli.results_audit import audit
from millrace.cli.results_document import document
from millrace.cli.results_run import MOST_TOTALS, Groups, as_plain, note_ended, note_in_work, print_run, progress_of

if TYPE_CHECKING:
    from storage.database import Connection
    from storage.runs import RunRow

app = typer.Typer(help="What came out.", no_args_is_help=True)

# How a run that was followed can end without success.
UNSUCCESSFUL = ("failed", "cancelled")


@app.command(short_help="Print a run: state, totals, errors, values; follow or export it.")
def run(
    run_id: Annotated[UUID, typer.Argument(metavar="ID")],
    client: Annotated[str | None, typer.Option(help="Read as this client, who sees its own runs only.")] = None,
    rows: Annotated[int, typer.Option(min=0, max=1_000_000, help="Print so many rows of values.")] = 0,
    measure: Annotated[str | None, typer.Option(help="Of the rows only those of this measure.")] = None,
    errors: Annotated[bool, typer.Option("--errors", help="Of the rows only those with an error.")] = False,
    parquet: Annotated[Path | None, typer.Option(metavar="FILE", help="Write all values to a Parquet file.")] = None,
    follow: Annotated[bool, typer.Option("--follow", help="First wait for its end, showing how far it is.")] = False,
    timeout: Annotated[float | None, typer.Option(min=0.1, help="Seconds to follow it at most after a first look.")] = None,
    as_json: Json = False,
) -> None:
    """Print a run: its state, its totals by scenario and by group, the rows that could not be priced, and values if asked for.

    With --follow: exit code 1 when the run, or its reprocess, failed or was cancelled, or has not ended in time. With --parquet
    the values are in the file one a row, as in the view run_values; it is whole, or not there at all.
    """
    from millrace.cli.results_export import export
    from millrace.cli.results_follow import follow as until_ended

    ended = until_ended(run_id, client, timeout) if follow else None
    errors_only = errors or rows == 0
    found, values, groups, in_work = _found(run_id, client, rows or 20, measure, errors_only=errors_only, all_groups=as_json)
    exported = {"parquet": {"file": str(parquet), "values": export(found, client, parquet)}} if parquet else {}
    if as_json:
        print_json(
            as_plain(found)
            | {"rows": values, "group_totals": groups.as_plain(found), "in_work": progress_of(in_work)}
            | exported
        )
    else:
        print_run(found, values, groups, errors_only=errors_only)
        note_in_work(in_work)
    if ended is not None:
        note_ended(ended, found)
        # One that was finished meanwhile counts instead of what came before it.
        if max(ended, found, key=lambda run: run.generation).status in UNSUCCESSFUL:
            raise typer.Exit(1)


def _found(
    run_id: UUID, client: str | None, limit: int, measure: str | None, *, errors_only: bool, all_groups: bool
) -> tuple[RunRow, list[dict[str, Any]], Groups, RunRow | None]:
    """The run, some of its rows and of its totals by group, and the generation that is in work, if one is.

    Raises CommandError where there is no such run.
    """
    from millrace.failures import CommandError
    from storage.result_views import count_totals, read_results, read_totals
    from storage.run_generations import generation_in_work
    from storage.runs import read_run

    async def read(connection: Connection) -> tuple[RunRow, list[dict[str, Any]], Groups, RunRow | None] | None:
        found = await read_run(connection, run_id)
        if found is None:
            return None
        of = run_id, found.generation
        values = await read_results(connection, *of, limit=limit, errors_only=errors_only, measure=measure)
        totals = await read_totals(connection, *of, limit=None if all_groups else MOST_TOTALS)
        groups = Groups(totals, await count_totals(connection, *of))
        return found, values, groups, await generation_in_work(connection, run_id)

    found = ask(read, client)
    if found is None:
        raise CommandError(
            f"there is no run {run_id}" + (f" of client {client}" if client else ""),
            "One that was just asked for is there once a worker has taken it up: --follow waits for that",
        )
    return found


app.command("document", short_help="Print a document: versions, chunks, costs.")(document)
app.command("audit", short_help="Print an audit: findings, quotes, doubts, cost.")(audit)
