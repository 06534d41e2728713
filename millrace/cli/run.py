"""`millrace run`: what can be done about a run."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from millrace.cli.asking import ask
from millrace.cli.output import Json
from millrace.cli.publish import checked, print_answer, publish_and_wait, send

if TYPE_CHECKING:
    from millrace.answers import Answer
    from millrace.outgoing import Outgoing
    from storage.database import Connection
    from storage.runs import RunRow

app = typer.Typer(help="What can be done about a run.", no_args_is_help=True)
SOURCE = "/millrace/cli"


@app.callback()
def _group() -> None:
    """What can be done about a run."""


@app.command(short_help="End a run that is priced in slices; --wait for its end.")
def cancel(
    run_id: Annotated[UUID, typer.Argument(metavar="ID")],
    client: Annotated[str | None, typer.Option(help="Only if it is this client's.")] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until it has ended, and print how.")] = False,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds to wait at most.")] = 60.0,
    as_json: Json = False,
) -> None:
    """End a run that is being priced in slices: what is finished stays, the rest is not begun.

    Of a run that is being done again this ends the reprocess: its results stay those that can be read.
    With --wait: exit code 0 when it was cancelled, 1 when it had ended before, or does not end in time.
    """
    from millrace.cli.servers import settings

    [event] = _event(run_id, client)
    chosen = settings("kafka_bootstrap_servers")
    if not wait:
        send(chosen, [event])
        typer.echo(event.event_id)
        return
    ends: list[str] = []

    def tell(answer: Answer) -> None:
        ends.append(answer.status)
        print_answer(answer, as_json=as_json)

    asyncio.run(publish_and_wait(chosen, [event], timeout, tell))
    if ends != ["cancelled"]:
        raise typer.Exit(1)


def _event(run_id: UUID, client: str | None) -> list[Outgoing]:
    """The request to cancel the run. Raises Refused for one that has ended, CommandError for one that nobody knows."""
    import orjson

    from millrace.examples import envelope
    from millrace.failures import CommandError, Refused
    from storage.run_generations import generation_in_work
    from storage.runs import read_run

    async def look(connection: Connection) -> tuple[RunRow | None, RunRow | None]:
        return await read_run(connection, run_id), await generation_in_work(connection, run_id)

    found, in_work = ask(look, client)
    if found is None:
        raise CommandError(
            f"there is no run {run_id}" + (f" of client {client}" if client else ""),
            "One that was just asked for can be cancelled once a worker has taken it up; what waits: millrace lag",
        )
    if found.status != "planned" and in_work is None:
        raise Refused(f"run {run_id} has ended: it is {found.status}")
    asked = envelope("run.cancel.requested.v1", found.client_id, {"run_id": str(run_id)}, source=SOURCE)
    return checked([orjson.dumps(asked)], as_json=False)
