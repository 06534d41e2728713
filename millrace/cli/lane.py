"""`millrace lane`: which flows run, which are stopped and why, and letting one go on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from millrace.cli.asking import ask, known_flow
from millrace.cli.output import Json, data, note, print_json, table
from millrace.cli.retry import operator

if TYPE_CHECKING:
    from storage.lanes import LaneState

app = typer.Typer(help="Lanes: is a flow running, or stopped and why; let it go on.", no_args_is_help=True)


@app.command("list")
def list_(as_json: Json = False) -> None:
    """Show whether each flow runs or is stopped: since when, by which worker, why, and what failed last.

    A stopped flow stands still in every worker until `millrace lane resume`.
    """
    from handlers.flow import FLOWS
    from storage.lanes import LaneState, states

    found = ask(states)
    lanes = [found.pop(spec.name, LaneState(spec.name)) for spec in FLOWS] + list(found.values())
    if as_json:
        print_json({"lanes": [lane._asdict() for lane in lanes]})
        return
    columns = ("flow", "status", "since", "by", "failed", "of", "last failures", "why")
    data().print(table(columns, map(_line, lanes), numbers=("failed", "of"), whole=columns[:3]))
    for lane in lanes:
        if lane.is_stopped:
            note(f"[red]{lane.flow} is stopped[/]. Once the cause is mended: millrace lane resume {lane.flow}")


@app.command()
def resume(
    flow: Annotated[str, typer.Argument(callback=known_flow, metavar="FLOW")],
    as_json: Json = False,
) -> None:
    """Let a stopped flow go on, in every worker within about a second; what was counted before is forgotten.

    Where Kafka deleted records before they were read, they are passed over. Exit code 4 when the flow is not stopped.
    """
    from millrace.failures import Refused
    from storage import lanes

    if not ask(lambda connection: lanes.resume(connection, flow, operator())):
        raise Refused(f"{flow} is not stopped", "All flows: millrace lane list")
    if as_json:
        print_json({"flow": flow, "status": "running", "resumed_by": operator()})
    else:
        typer.echo(f"{flow} goes on")


def _line(lane: LaneState) -> tuple[Any, ...]:
    if not lane.is_stopped:
        since = lane.resumed_at
        return lane.flow, lane.status, _time(since), lane.resumed_by if since else "-", "-", "-", "-", "-"
    counted = ("-", "-") if lane.finished is None else (lane.failed, lane.finished)
    codes = ", ".join(dict.fromkeys(reversed(lane.codes))) or "-"
    return lane.flow, lane.status, _time(lane.stopped_at), lane.stopped_by, *counted, codes, lane.reason


def _time(when: Any) -> str:
    return "-" if when is None else when.strftime("%Y-%m-%d %H:%M:%S")
