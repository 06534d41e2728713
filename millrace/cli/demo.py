"""`millrace demo`: everything once, on an example book, with what came out compared to what was expected."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from millrace.cli.output import Json, note, notes

if TYPE_CHECKING:
    from millrace.demo.play import Outcome
    from millrace.settings import Settings


def demo(
    timeout: Annotated[float, typer.Option(min=1, help="Seconds to wait at most for the answers.")] = 60.0,
    as_json: Json = False,
) -> None:
    """Show Millrace at work: start local servers and a worker, send it the examples, print what came out.

    Servers that the environment names are used instead of local ones. Exit code 0 only if every example ended as it
    should. The servers stay up, the worker does not.
    """
    from millrace.cli.demo_report import report
    from millrace.demo.scenes import expected
    from millrace.demo.verdict import checks

    client = f"demo-{secrets.token_hex(4)}"
    chosen = _servers()
    _prepare(chosen)
    outcomes, in_time = _play(chosen, client, timeout)
    found = checks(outcomes, expected())
    report(client, outcomes, found, as_json=as_json)
    if not in_time or not all(check.holds for check in found):
        raise typer.Exit(1)


def _servers() -> Settings:
    from millrace.cli.servers import ADDRESSES, settings
    from millrace.settings import load

    named = load()
    if any(getattr(named, address) is not None for address in ADDRESSES):
        note("using the servers that the environment names")
    else:
        with step("servers", "PostgreSQL, Redis and Kafka are up"):
            _start_stack()
    return settings("database_url", "redis_url", "kafka_bootstrap_servers", "object_store_url")


def _start_stack() -> None:
    from rich.markup import escape

    from devstack.failures import StackError
    from devstack.stack import Stack
    from millrace.failures import CommandError

    try:
        Stack().start(on_progress=lambda line: note(f"    [dim]{escape(line)}[/]"))
    except StackError as error:
        raise CommandError(str(error)) from None


def _prepare(chosen: Settings) -> None:
    from millrace.cli.servers import reaching_database, reaching_kafka
    from millrace.composition import kafka_config, objects_of
    from millrace.demo.scenes import objects
    from storage.migrate import migrate
    from streams.topics import ensure_topics, wanted_topics

    url = chosen.need("migrations_database_url" if chosen.migrations_database_url else "database_url")
    with step("tables", "the database is at the newest revision"), reaching_database(url):
        asyncio.run(migrate(url))
    with step("topics", "Kafka has all topics"), reaching_kafka(chosen):
        wanted = wanted_topics(chosen.topic_partitions, chosen.topic_retention_days * 24 * 60 * 60 * 1000)
        asyncio.run(ensure_topics(kafka_config(chosen), wanted))

    async def upload() -> None:
        store = objects_of(chosen)
        for uri, content in objects().items():
            await store.put(uri, content)

    with step("objects", "book and market lie in the object store"):
        asyncio.run(upload())


def _play(chosen: Settings, client: str, timeout: float) -> tuple[Sequence[Outcome], bool]:
    from millrace.cli.servers import reaching_database, reaching_kafka
    from millrace.demo.helper import worker

    log = _log_file()
    with ExitStack() as running:
        with step("worker", f"ready; its log is {log}"):
            running.enter_context(worker(log))
        running.enter_context(step("events", "sent, and answered by the worker"))
        with reaching_kafka(chosen), reaching_database(chosen.need("database_url")):
            return asyncio.run(_played(chosen, client, timeout))


async def _played(chosen: Settings, client: str, timeout: float) -> tuple[Sequence[Outcome], bool]:
    from millrace.cli.publish import progress
    from millrace.composition import database_of, kafka_config
    from millrace.demo.play import Stage
    from millrace.demo.scenes import scenes

    database = database_of(chosen)
    try:
        stage = Stage(kafka_config(chosen), database, scenes(client))
        with progress("    answers", len(stage.outcomes) - 1) as show:
            in_time = await stage.play(timeout, show)
    finally:
        await database.close()
    return stage.outcomes, in_time


def _log_file() -> Path:
    from devstack.placement import default_state_folder

    folder = default_state_folder()
    folder.mkdir(exist_ok=True)
    return folder / "demo-worker.log"


@contextmanager
def step(name: str, done: str) -> Iterator[None]:
    """Tells, on stderr, that a step is under way and how long it took."""
    from rich.markup import escape

    started = time.monotonic()
    with notes().status(f"{name} ..."):
        yield
    note(f"  [green]✓[/] {name:<8} {escape(done)} [dim]({time.monotonic() - started:.1f} s)[/]")
