"""`millrace watch`: completions as they come."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any

import typer

from millrace.cli.output import Json, note
from millrace.cli.wording import COLOURS, in_words

if TYPE_CHECKING:
    from millrace.settings import Settings


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
    from handlers.flow import FLOWS
    from millrace.answers import completion_of
    from millrace.composition import kafka_config
    from streams.read import reader

    topics = list(dict.fromkeys(spec.completed_topic for spec in FLOWS))
    async with reader(kafka_config(chosen), topics) as completions:
        note(f"[dim]watching {', '.join(topics)}; Ctrl-C ends it[/]")
        async for record in completions.records():
            event = completion_of(record.value)
            if event is None:
                note(f"[dim]no completion: {record.topic}, partition {record.partition}, offset {record.offset}[/]")
            elif client is None or event.get("clientid") == client:
                _print(event, as_json=as_json)


def _print(event: dict[str, Any], *, as_json: bool) -> None:
    import orjson

    if as_json:
        sys.stdout.write(orjson.dumps(event).decode() + "\n")
        sys.stdout.flush()
        return
    typer.echo(as_line(event))


def as_line(event: Mapping[str, Any]) -> str:
    """Time of day, status, client and subject of a completion, and its failure or what it counted and cost."""
    from events.text import printable

    said = event["data"]
    time, client, subject = str(event.get("time"))[11:19], event.get("clientid"), event.get("subject")
    status = typer.style(f"{printable(said['status']):<12}", fg=COLOURS.get(said["status"]))
    return f"{time}  {status} {printable(f'{client!s:<16} {subject}  {in_words(said)}')}"
