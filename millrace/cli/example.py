"""`millrace example`: an event to look at, change and publish."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "events"
SOURCE = "/examples"


def example(
    event_type: Annotated[str, typer.Argument(metavar="TYPE", help="The type of event, such as run.requested.v1.")],
    client: Annotated[str, typer.Option(help="The client it is for.")] = "acme",
    pretty: Annotated[bool, typer.Option(help="Over many lines, for reading; `publish` takes one event a line.")] = False,
) -> None:
    """Print a valid event with fresh ids, in one line: millrace example run.requested.v1 | millrace publish -"""
    import orjson

    event = fresh(event_type, client)
    typer.echo(orjson.dumps(event, option=orjson.OPT_INDENT_2 if pretty else None))


def fresh(event_type: str, client: str) -> dict[str, Any]:
    """The example of that type with ids of its own and the time now. Raises Refused for a type without an example."""
    import orjson

    from millrace.failures import Refused
    from millrace.ids import uuid7

    known = {path.stem: path for path in FOLDER.glob("*.json")}
    if event_type not in known:
        raise Refused(f"there is no example of type {event_type!r}", f"There are: {', '.join(sorted(known))}")
    data = orjson.loads(known[event_type].read_bytes())
    return envelope(event_type, client, {"run_id": str(uuid7()), **data})


def envelope(event_type: str, client: str, data: dict[str, Any], subject: str = "run_id") -> dict[str, Any]:
    """A CloudEvent with a fresh id around `data`, whose field `subject` names what it is about."""
    from millrace.ids import uuid7

    return {
        "specversion": "1.0",
        "id": str(uuid7()),
        "source": SOURCE,
        "type": event_type,
        "subject": data[subject],
        "time": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "datacontenttype": "application/json",
        "clientid": client,
        "data": data,
    }
