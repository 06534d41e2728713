"""`millrace publish`: events from a file into Kafka, and what becomes of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from millrace.cli.output import Json, note, notes, print_json

if TYPE_CHECKING:
    from millrace.answers import Answer
    from millrace.outgoing import Complaint, Outgoing
    from millrace.settings import Settings

MOST_COMPLAINTS = 20


def publish(
    file: Annotated[typer.FileBinaryRead, typer.Argument(help="One event a line, as CloudEvent JSON; - is standard input.")],
    wait: Annotated[bool, typer.Option("--wait", help="Wait for what becomes of each, and print that.")] = False,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds to wait at most.")] = 60.0,
    as_json: Json = False,
) -> None:
    """Check every line, then publish all of them, or none; print their ids.

    With --wait: exit code 0 when all were completed, 3 when some were, 1 when none was. A failed completion and a
    rejection do not count, nor does an event that was answered before: its answer is not repeated.
    """
    from millrace.cli.servers import settings

    # Read once, so that what was checked is what is sent.
    events = checked(file.read().split(b"\n"), as_json=as_json)
    chosen = settings("kafka_bootstrap_servers")
    if not wait:
        send(chosen, events)
        for event in events:
            _print_sent(event, as_json=as_json)
        return
    code = asyncio.run(publish_and_wait(chosen, events, timeout, partial(print_answer, as_json=as_json)))
    if code:
        raise typer.Exit(code)


def checked(lines: Sequence[bytes], *, as_json: bool) -> list[Outgoing]:
    """The events of these lines. Raises Refused, having told what is wrong with which line, unless all are valid."""
    from millrace.failures import Refused
    from millrace.outgoing import check

    found = check(lines)
    if found.complaints:
        _tell(found.complaints, as_json=as_json)
        number = len(found.complaints)
        lines_are = "1 line is not a valid event" if number == 1 else f"{number} lines are not valid events"
        raise Refused(
            f"{lines_are}; nothing was sent", "A valid one to start from: millrace example TYPE, such as run.requested.v1"
        )
    if not found.events:
        raise Refused("there are no events in it; nothing was sent")
    return found.events


def send(chosen: Settings, events: Sequence[Outgoing]) -> None:
    """Publishes all of them, showing progress."""
    from millrace.cli.servers import reaching_kafka

    with reaching_kafka(chosen):
        asyncio.run(_send(chosen, events))


async def _send(chosen: Settings, events: Sequence[Outgoing]) -> None:
    from millrace.composition import kafka_config
    from streams.publish import Outgoing as Record
    from streams.publish import publish as publish_records

    records = [Record(event.topic, event.key, event.value) for event in events]
    with progress("publishing", len(records)) as show:
        await publish_records(kafka_config(chosen), records, show)


async def publish_and_wait(chosen: Settings, events: Sequence[Outgoing], timeout: float, tell: Callable[[Answer], None]) -> int:
    """Publishes all of them, tells each answer as it comes, and returns the exit code."""
    from millrace.answers import Awaiting, answering_topics, exit_code
    from millrace.cli.servers import kafka_of, reaching_kafka
    from streams.read import reader

    awaiting, answers = Awaiting.of(events), list["Answer"]()
    expected = len(awaiting.waiting)
    with reaching_kafka(chosen):
        async with reader(kafka_of(chosen), answering_topics(events)) as answering:
            await _send(chosen, events)
            with progress("answered", expected) as show:
                async for answer in _until_answered(awaiting, answering.records(), timeout):
                    answers.append(answer)
                    tell(answer)
                    show(len(answers))
    for event in awaiting.waiting.values():
        note(f"[yellow]no answer[/] within {timeout:g} s to {event.event_id}, {event.subject}")
    return exit_code(answers, expected)


async def _until_answered(awaiting: Any, records: Any, timeout: float) -> Any:
    """The answers as they come, until all are there or the time is over."""
    try:
        async with asyncio.timeout(timeout):
            async for record in records:
                answer = awaiting.heard(record.topic, record.value, dict(record.headers))
                if answer is not None:
                    yield answer
                if not awaiting.waiting:
                    return
    except TimeoutError:
        return


@contextmanager
def progress(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """A bar on stderr while there is somebody to see it; called with how many are done."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=notes(), transient=True, disable=not notes().is_terminal) as bar:
        task = bar.add_task(what, total=total)
        yield lambda done: bar.update(task, completed=done)


def print_answer(answer: Answer, *, as_json: bool) -> None:
    """One line of what became of an event: its reason, or what it counted and cost."""
    event = answer.event
    if as_json:
        said = {"id": event.event_id, "source": event.source, "subject": event.subject, "status": answer.status}
        print_json(said | reasons_of(answer) | {"completion": answer.completion})
        return
    typer.echo(f"{answer.status:<12} {event.event_id}  {event.subject}  {why(answer)}".rstrip())


def why(answer: Answer) -> str:
    """The reason of a rejection, or a completion in a few words."""
    from events.text import printable
    from millrace.cli.wording import in_words

    if answer.completion is None:
        return printable(f"{answer.reason}: {answer.message}")
    return printable(in_words(answer.completion["data"]))


def reasons_of(answer: Answer) -> dict[str, str]:
    """Reason and message of an answer that has them."""
    return {"reason": answer.reason, "message": answer.message} if answer.reason else {}


def _print_sent(event: Outgoing, *, as_json: bool) -> None:
    if as_json:
        print_json({"id": event.event_id, "source": event.source, "type": event.event_type, "subject": event.subject})
    else:
        typer.echo(event.event_id)


def _tell(complaints: Sequence[Complaint], *, as_json: bool) -> None:
    if as_json:
        print_json({"sent": 0, "errors": [complaint._asdict() for complaint in complaints]})
        return
    for complaint in complaints[:MOST_COMPLAINTS]:
        typer.echo(f"line {complaint.line}: {complaint.message}", err=True)
    if len(complaints) > MOST_COMPLAINTS:
        typer.echo(f"and {len(complaints) - MOST_COMPLAINTS} more lines", err=True)
