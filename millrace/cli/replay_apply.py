"""`millrace replay apply`: a plan is carried out."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from millrace.cli.output import Json, note, print_json
from millrace.cli.replay_plan import offsets_bar

if TYPE_CHECKING:
    from handlers.flow import FlowSpec
    from millrace.failures import CommandError
    from millrace.settings import Settings
    from ops.replay.applying import Applying, Ending
    from ops.replay.failures import ReplayError
    from storage.database import Database
    from storage.replays import Replay

SIGNALS = (signal.SIGINT, signal.SIGTERM)


def apply(
    plan_id: Annotated[UUID, typer.Argument(metavar="PLAN", help="The id that `replay plan` printed.")],
    rate: Annotated[
        float | None, typer.Option(min=1, max=100_000, help="Records a second, at most; REPLAY_RATE by default.")
    ] = None,
    patience: Annotated[float, typer.Option(min=0, max=86_400, help="Seconds of an outage to wait through.")] = 60.0,
    as_json: Json = False,
) -> None:
    """Publish a plan's records once more, from where it is; one process at a time.

    Ctrl-C or SIGTERM pauses it after the batch in hand; this command goes on again, also after a kill. Exit code 3: stopped or
    aborted on the way, or Kafka refused some; 4: another applies it, it has ended, or Kafka no longer has its records.
    """
    from millrace.cli.audit_log import log_to_stderr
    from millrace.cli.servers import reaching_database, reaching_kafka, settings

    chosen = settings("database_url", "kafka_bootstrap_servers")
    log_to_stderr(chosen)
    with reaching_kafka(chosen), reaching_database(chosen.need("database_url")):
        applying, ending = asyncio.run(_apply(chosen, plan_id, rate or chosen.replay_rate, patience))
    told = applying.totals()
    if as_json:
        print_json({"id": plan_id, "status": "paused" if ending == "stopped" else ending.value} | told)
    else:
        typer.echo(f"{ending.value}  {plan_id}  {_in_words(told)}")
    if ending != "applied":
        raise _partly(plan_id, ending)
    if told["refused"]:
        raise typer.Exit(3)


async def _apply(chosen: Settings, plan_id: UUID, rate: float, patience: float) -> tuple[Applying, Ending]:
    from storage.database import Database

    database = Database(chosen.need("database_url"), pool_size=1, application_name="millrace-cli")
    try:
        return await _applied(chosen, database, plan_id, rate, patience)
    finally:
        await database.close()


async def _applied(
    chosen: Settings, database: Database, plan_id: UUID, rate: float, patience: float
) -> tuple[Applying, Ending]:
    from millrace.composition import kafka_config
    from ops.replay.applying import Applying, Pace, Watcher
    from ops.replay.claim import known
    from ops.replay.failures import ReplayError
    from storage import replays

    applying, pace = None, Pace(rate, patience)
    try:
        async with database.connection() as connection:
            replay = known(await replays.one(connection, plan_id), plan_id)
        with offsets_bar("publishing") as show, _stop_on_signals() as stop:
            watcher = Watcher(show, _remark)
            applying = Applying(database, kafka_config(chosen), _spec(replay), replay, pace, _who(), stop, watcher)
            return applying, await applying.run()
    except ReplayError as error:
        raise _as_command_error(error, plan_id, applying) from None


def _remark(text: str) -> None:
    note(f"[yellow]{text}[/]")


def _who() -> str:
    from millrace.cli.retry import operator

    return f"{operator()}, process {os.getpid()}"


def _spec(replay: Replay) -> FlowSpec:
    from dataclasses import replace

    from handlers.flow import FLOWS
    from ops.replay.failures import NotApplicable

    found = next((spec for spec in FLOWS if spec.name == replay.flow), None)
    if found is None:
        raise NotApplicable(f"this version has no flow {replay.flow}")
    return replace(found, topic=replay.topic)


@contextmanager
def _stop_on_signals() -> Iterator[asyncio.Event]:
    """Set by the first SIGINT or SIGTERM; a second one ends the process at once."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()

    def ask(number: int) -> None:
        if stop.is_set():
            os._exit(128 + number)
        stop.set()

    for number in SIGNALS:
        loop.add_signal_handler(number, ask, number)
    try:
        yield stop
    finally:
        for number in SIGNALS:
            loop.remove_signal_handler(number)


def _in_words(told: dict[str, int]) -> str:
    words = [f"{told['published']} published", f"{told['skipped']} left out"]
    return ", ".join(words + [f"{told['refused']} refused by Kafka"] * bool(told["refused"]))


def _go_on(plan_id: UUID) -> str:
    return f"Go on: millrace replay apply {plan_id}"


def _partly(plan_id: UUID, ending: Ending) -> CommandError:
    from millrace.failures import PartlyDone

    if ending == "aborted":
        return PartlyDone("the replay was aborted from elsewhere", "What was published stays published.")
    return PartlyDone("the replay is paused, because this process was told to stop", _go_on(plan_id))


def _as_command_error(error: ReplayError, plan_id: UUID, applying: Applying | None) -> CommandError:
    from millrace.failures import CommandError, PartlyDone, Refused, Unreachable
    from ops.replay import failures

    begun = applying is not None and any(applying.totals().values())
    ends, advice = {
        failures.NoSuchReplay: (CommandError, "All of them: millrace replay list"),
        failures.NotApplicable: (Refused, "All of them: millrace replay list"),
        failures.UnderWay: (Refused, f"See how far it is: millrace replay status {plan_id}"),
        failures.TakenOver: (PartlyDone, f"See by whom: millrace replay status {plan_id}"),
        failures.Gone: (PartlyDone if begun else Refused, f"Plan what is left; millrace replay abort {plan_id} ends this one."),
        failures.GaveUp: (Unreachable, _go_on(plan_id)),
    }[type(error)]
    return ends(str(error), advice)
