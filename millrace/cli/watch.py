"""`millrace watch`: completions as they come."""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any

import typer

from millrace.cli.output import Json, note

if TYPE_CHECKING:
    from millrace.settings import Settings

COLOURS = {"completed": "green", "partial": "yellow", "failed": "red"}


def watch(
    client: Annotated[str | None, typer.Option(help="Only of this client.")] = None,
    as_json: Json = False,
) -> None:
    """Print completions as they come, until Ctrl-C."""
    from millrace.cli.servers import reaching_kafka, settings

    chosen = settings("kafka_bootstrap_servers")
    with reaching_kafka(chosen), suppress(KeyboardInterrupt):
        asyncio.run(_watch(chosen, client, as_json=as_json))


async def _watch(chosen: Settings, client: str | None, *, as_json: bool) -> None:
    import orjson

    from handlers.flow import FLOWS
    from millrace.composition import kafka_config
    from streams.read import reader

    topics = [spec.completed_topic for spec in FLOWS]
    async with reader(kafka_config(chosen), topics) as completions:
        note(f"[dim]watching {', '.join(topics)}; Ctrl-C ends it[/]")
        async for record in completions.records():
            event = orjson.loads(record.value or b"{}")
            if client is None or event.get("clientid") == client:
                _print(event, as_json=as_json)


def _print(event: dict[str, Any], *, as_json: bool) -> None:
    import orjson

    if as_json:
        sys.stdout.write(orjson.dumps(event).decode() + "\n")
        sys.stdout.flush()
        return
    said = event["data"]
    time = event["time"][11:19]
    counted = f"{said['positions']} positions, {said['errors']} errors" if "positions" in said else ""
    failure = said.get("failure") or {}
    why = f"{failure['code']}: {failure['message']}" if failure else counted
    status = typer.style(f"{said['status']:<10}", fg=COLOURS.get(said["status"]))
    typer.echo(f"{time}  {status} {event['clientid']:<16} {event['subject']}  {why}")
