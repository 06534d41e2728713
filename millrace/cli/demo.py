"""`millrace demo`: all flows once, on the examples, with what came out compared to what was expected."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from millrace.cli.output import Json, note, notes

if TYPE_CHECKING:
    from millrace.demo.play import Stage
    from millrace.settings import Settings


def demo(
    timeout: Annotated[float, typer.Option(min=1, help="Seconds to wait at most for the answers.")] = 120.0,
    as_json: Json = False,
) -> None:
    """Show Millrace at work: start local servers and a worker, send it the examples, print what came out.

    Servers that the environment names are used instead of local ones. Where OPENAI_API_KEY is set, OpenAI answers and is
    paid a few cents; else the stand-in of the local stack answers. Exit code 0 only if every example ended as it should. The
    servers stay up, the worker does not.
    """
    from millrace.cli.demo_report import report
    from millrace.cli.wording import is_stand_in
    from millrace.demo.scenes import expected
    from millrace.demo.verdict import checks

    client = f"demo-{secrets.token_hex(4)}"
    chosen = _servers()
    _prepare(chosen)
    stage, in_time = _play(chosen, client, timeout)
    by_stand_in = any(is_stand_in(outcome.said.get("model")) for outcome in stage.outcomes)
    found = checks(stage.outcomes, expected(by_stand_in=by_stand_in))
    report(client, stage.outcomes, found, by_stand_in=by_stand_in, as_json=as_json)
    if not in_time or not all(check.holds for check in found):
        raise typer.Exit(1)


def _servers() -> Settings:
    from millrace.cli.servers import ADDRESSES, settings
    from millrace.settings import load

    named = load()
    if any(getattr(named, address) is not None for address in ADDRESSES):
        note("using the servers that the environment names")
    else:
        with step("servers", "PostgreSQL, Redis, Kafka and the stand-in for OpenAI are up"):
            _start_stack()
    chosen = settings("database_url", "redis_url", "kafka_bootstrap_servers", "object_store_url", "openai_api_key")
    _tell_who_answers(chosen)
    return chosen


def _tell_who_answers(chosen: Settings) -> None:
    from devstack.openai import is_own

    if is_own(chosen.need("openai_api_key"), chosen.openai_base_url):
        where = chosen.openai_base_url or "OpenAI"
        note(f"  [yellow]![/] [bold]{where} answers, and is paid a few cents[/], since your settings have a key or an address")
    else:
        note("  [green]✓[/] OpenAI   is not asked: the stand-in of the local stack answers, and costs nothing")


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
    from millrace.demo.objects import objects
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
        for uri, content in objects():
            await store.put(uri, content)

    with step("objects", "books, market and documents lie in the object store"):
        asyncio.run(upload())


def _play(chosen: Settings, client: str, timeout: float) -> tuple[Stage, bool]:
    from millrace.cli.servers import reaching_database, reaching_kafka
    from millrace.demo.helper import worker

    log = _log_file()
    with ExitStack() as running:
        with step("worker", f"ready; its log is {log}"):
            running.enter_context(worker(log))
        running.enter_context(step("events", "sent, and answered by the worker"))
        with reaching_kafka(chosen), reaching_database(chosen.need("database_url")):
            return asyncio.run(_played(chosen, client, timeout))


async def _played(chosen: Settings, client: str, timeout: float) -> tuple[Stage, bool]:
    from millrace.cli.publish import progress
    from millrace.composition import database_of, kafka_config
    from millrace.demo.look import look
    from millrace.demo.play import Stage
    from millrace.demo.scenes import scenes

    stage = Stage(kafka_config(chosen), scenes(client))
    with progress("    answers", stage.expected_answers) as show:
        in_time = await stage.play(timeout, show)
    database = database_of(chosen)
    try:
        await look(database, client, stage.outcomes, stage.places)
    finally:
        await database.close()
    return stage, in_time


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
