"""`millrace topics`: what Kafka must hold before events can flow."""

from __future__ import annotations

import asyncio

import typer

from millrace.cli.output import Json, note, print_json

app = typer.Typer(help="The topics of Millrace in Kafka.", no_args_is_help=True)


@app.command()
def ensure(as_json: Json = False) -> None:
    """Create the topics that are missing, each with its dead-letter topic, and set how long records are kept."""
    from millrace.cli.servers import kafka_of, reaching_kafka, settings
    from streams import topics

    chosen = settings("kafka_bootstrap_servers")
    retention_ms = chosen.topic_retention_days * 24 * 60 * 60 * 1000
    with reaching_kafka(chosen):
        made = asyncio.run(topics.ensure(kafka_of(chosen), chosen.topic_partitions, retention_ms))
    if as_json:
        print_json({"created": made})
    elif made:
        note("created " + ", ".join(f"[bold]{name}[/]" for name in made))
    else:
        note("All topics are there.")
