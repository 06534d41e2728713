"""`millrace dlq retry`: what died is worked on again."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from millrace.cli.asking import known_flow
from millrace.cli.output import Json, note, print_json

if TYPE_CHECKING:
    from millrace.settings import Settings
    from ops.retrying import Choice, Retried, Retrying
    from streams.publisher import Publisher

# Below the claim of an outbox row, so that no relay takes over what is under way.
PUBLISH_SECONDS = 8.0


def retry(
    ids: Annotated[list[UUID] | None, typer.Argument(metavar="ID", help="These letters.")] = None,
    reason: Annotated[str | None, typer.Option(help="All that died of this reason.")] = None,
    flow: Annotated[str | None, typer.Option(callback=known_flow, help="All of this kind of work.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All that are dead.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask, however many they are.")] = False,
    as_json: Json = False,
) -> None:
    """Work again on what died: named letters, or all of a reason or flow.

    An event that failed is worked on in its next generation; a record that was rejected is sent again as it came. A conflict
    is refused: its id stands for something else. Exit code 3 when some were refused, 4 when all were.
    """
    from millrace.cli.audit_log import log_to_stderr
    from millrace.cli.servers import reaching_database, settings

    if bool(ids) == (everything or reason is not None or flow is not None):
        raise typer.BadParameter("say which: either IDs, or --reason, --flow or --all", param_hint="ID")
    chosen = settings("database_url", "kafka_bootstrap_servers")
    log_to_stderr(chosen)
    tally = Tally(as_json=as_json)
    try:
        with reaching_database(chosen.need("database_url")):
            asyncio.run(_retry(chosen, ids or [], reason, flow, tally, yes=yes))
    finally:
        tally.conclude()
    if tally.refused:
        raise typer.Exit(3 if tally.retried else 4)


class Tally:
    """Tells of each letter what became of it, and counts."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self.retried = self.refused = 0

    def tell(self, answers: Sequence[Retried]) -> None:
        """One line a letter on stdout."""
        for answer in answers:
            self.refused += answer.refused is not None
            self.retried += answer.refused is None
            if self.as_json:
                print_json(as_plain(answer))
            else:
                typer.echo(line(answer))

    def conclude(self) -> None:
        """How many there were, for people."""
        if self.retried + self.refused > 1:
            note(f"{self.retried} go again, {self.refused} refused")


def line(answer: Retried) -> str:
    """What became of a letter, in one line."""
    if answer.refused is not None:
        return f"refused  {answer.letter_id}  {answer.refused}"
    what = "as it came" if answer.generation is None else f"generation {answer.generation}"
    event = answer.letter.event_id if answer.letter and answer.letter.event_id else "-"
    return f"retried  {answer.letter_id}  {event}  {what}"


def as_plain(answer: Retried) -> dict[str, object]:
    """What became of a letter, for programs."""
    letter = answer.letter
    said: dict[str, object] = {"id": answer.letter_id, "status": "retried" if answer.refused is None else "refused"}
    if letter is not None:
        said |= {"flow": letter.flow, "topic": letter.topic, "source": letter.source, "event_id": letter.event_id}
    return said | ({"generation": answer.generation} if answer.refused is None else {"reason": answer.refused})


def operator() -> str:
    """Who asks, as user@host."""
    import getpass
    import socket

    try:
        user = getpass.getuser()
    except (OSError, KeyError):  # a container's user may have no name
        user = "unknown"
    return f"{user}@{socket.gethostname()}"


async def _retry(
    chosen: Settings, ids: Sequence[UUID], reason: str | None, flow: str | None, tally: Tally, *, yes: bool
) -> None:
    from millrace.composition import kafka_config
    from ops.retrying import AllDead, Named, Retrying
    from storage.database import Database
    from streams.publisher import Publisher

    database = Database(chosen.need("database_url"), pool_size=1, application_name="millrace-cli")
    publisher = Publisher(kafka_config(chosen), timeout=PUBLISH_SECONDS)
    try:
        choice = Named(ids) if ids else await AllDead.of(database, reason, flow)
        if choice.number == 0:
            note("No dead letters to retry.")
            return
        if choice.number > 1 and not yes:
            _confirm(choice.number)
        topics = await _topics(chosen, publisher)
        await _batch_by_batch(Retrying(database, publisher, topics, operator()), choice, tally)
    finally:
        await publisher.close()
        await database.close()


def _confirm(number: int) -> None:
    from millrace.failures import Refused

    if not sys.stdin.isatty():
        raise Refused(f"{number} dead letters would go again, and nobody is there to be asked", "Say --yes to go ahead.")
    if not typer.confirm(f"Send {number} dead letters again?", err=True):
        raise Refused("nothing was sent")


async def _topics(chosen: Settings, publisher: Publisher) -> set[str]:
    """What topics there are; nothing is decided while Kafka is away."""
    from millrace.cli.servers import reaching_kafka

    with reaching_kafka(chosen):
        return await publisher.topics()


async def _batch_by_batch(retrying: Retrying, choice: Choice, tally: Tally) -> None:
    from events.failures import Outage
    from millrace.cli.publish import progress
    from millrace.failures import Unreachable

    with progress("sending again", choice.number) as show:
        async for batch in choice.batches(retrying.database):
            try:
                tally.tell(await retrying.retry(batch))
            except Outage as outage:
                left = f"{len(batch)} letters are decided, and go again through the workers once it answers"
                raise Unreachable(f"Kafka went away: {outage.message}", f"{left}; the others are still dead.") from None
            show(tally.retried + tally.refused)
