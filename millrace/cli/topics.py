"""`millrace topics`: what Kafka must hold before events can flow."""

from __future__ import annotations

import asyncio
from dataclasses import asdict

import typer

from millrace.cli.output import Json, note, print_json

app = typer.Typer(help="The topics of Millrace in Kafka.", no_args_is_help=True)


@app.command()
def ensure(as_json: Json = False) -> None:
    """Create the topics that are missing, dead-letter topics among them, and tell where others are not as they should be."""
    from millrace.cli.servers import kafka_of, reaching_kafka, settings
    from streams.topics import differences, ensure_topics, wanted_topics

    chosen = settings("kafka_bootstrap_servers")
    wanted = wanted_topics(chosen.topic_partitions, chosen.topic_retention_days * 24 * 60 * 60 * 1000)
    with reaching_kafka(chosen):
        made = asyncio.run(ensure_topics(kafka_of(chosen), wanted))
        others = asyncio.run(differences(kafka_of(chosen), wanted))
    for other in others:
        note(f"{other.topic} has {other.setting} {other.found}, not {other.wanted}: left as it is")
    if as_json:
        print_json({"created": made, "differing": [asdict(other) for other in others]})
    elif made:
        note("created " + ", ".join(f"[bold]{name}[/]" for name in made))
    else:
        note("All topics are there.")
