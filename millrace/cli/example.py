"""`millrace example`: an event to look at, change and publish."""

from __future__ import annotations

from typing import Annotated

import typer


def example(
    event_type: Annotated[str, typer.Argument(metavar="TYPE", help="The type of event, such as run.requested.v1.")],
    client: Annotated[str, typer.Option(help="The client it is for.")] = "acme",
    pretty: Annotated[bool, typer.Option(help="Over many lines, for reading; `publish` takes one event a line.")] = False,
) -> None:
    """Print a valid event with fresh ids, in one line: millrace example run.requested.v1 | millrace publish -"""
    import orjson

    from millrace.examples import fresh

    event = fresh(event_type, client)
    typer.echo(orjson.dumps(event, option=orjson.OPT_INDENT_2 if pretty else None))
