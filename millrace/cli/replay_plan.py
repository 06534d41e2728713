"""`millrace replay plan`: which records, and what publishing them once more would do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from millrace.cli.output import Json, note, notes, print_facts, print_json
from millrace.cli.replay_wording import in_words, print_prediction

if TYPE_CHECKING:
    from handlers.flow import FlowSpec
    from millrace.settings import Settings
    from ops.replay.planning import Planned
    from ops.replay.selection import Moment, Selection


def plan(
    topic: Annotated[str, typer.Option(help="An input topic, such as runs.requested.")],
    partition: Annotated[list[int] | None, typer.Option(min=0, help="Only this partition; can be given again.")] = None,
    from_offset: Annotated[int | None, typer.Option(min=0, help="From this offset on.")] = None,
    to_offset: Annotated[int | None, typer.Option(min=0, help="Up to this offset, without it.")] = None,
    since: Annotated[str | None, typer.Option(help="From this time on: with its zone, or how long ago, such as 2h.")] = None,
    until: Annotated[str | None, typer.Option(help="Up to this time, without it.")] = None,
    client: Annotated[str | None, typer.Option(help="Only events of this client.")] = None,
    include_rejected: Annotated[
        bool, typer.Option("--include-rejected", help="Also what would be rejected: each record leaves one more dead letter.")
    ] = False,
    event: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="Only the event of this id; can be given again.")
    ] = None,
    reprocess: Annotated[
        bool, typer.Option("--reprocess", help="Have what ended well worked on again: of runs.requested and audits.created.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Choose records of a topic, all up to now by default, and predict what publishing them once more would do.

    Reads each of them once; publishes nothing. With --reprocess the events go out as their next generations, whose results
    replace those there are once they are finished. Exit code 1 when nothing is selected, 4 where a topic is not reprocessed.
    """
    from millrace.cli.servers import reaching_database, reaching_kafka, settings
    from millrace.failures import CommandError, Refused
    from ops.replay.failures import NotApplicable
    from ops.replay.selection import Selection
    from streams.ranges import RecordsDeleted

    if reprocess and include_rejected:
        raise typer.BadParameter("what is rejected has nothing to be done again", param_hint="--include-rejected")
    spec = _spec(topic)
    moments = _moments(since, until, from_offset, to_offset)
    chosen = settings("database_url", "kafka_bootstrap_servers")
    selection = Selection(
        topic,
        tuple(partition or ()),
        from_offset,
        to_offset,
        client_id=client,
        include_rejected=include_rejected,
        event_ids=tuple(event or ()),
        reprocess=reprocess,
    )
    try:
        with reaching_kafka(chosen), reaching_database(chosen.need("database_url")):
            planned = asyncio.run(_plan(chosen, spec, selection, moments))
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    except NotApplicable as refused:
        raise Refused(str(refused)) from None
    except RecordsDeleted as deleted:
        raise CommandError(f"Kafka deleted what was being read: {deleted}", "Plan it again.") from None
    _tell(planned, as_json=as_json)


def _spec(topic: str) -> FlowSpec:
    from handlers.flow import FLOWS

    found = next((spec for spec in FLOWS if spec.topic == topic), None)
    if found is None:
        known = ", ".join(spec.topic for spec in FLOWS)
        raise typer.BadParameter(f"there is no input topic {topic!r}, but {known}", param_hint="--topic")
    return found


def _moments(
    since: str | None, until: str | None, from_offset: int | None, to_offset: int | None
) -> tuple[Moment | None, Moment | None]:
    from ops.replay.selection import moment

    if (since or until) and (from_offset is not None or to_offset is not None):
        raise typer.BadParameter("offsets and times cannot be combined", param_hint="--since")
    if from_offset is not None and to_offset is not None and from_offset >= to_offset:
        raise typer.BadParameter("it lies at or before --from-offset", param_hint="--to-offset")
    found: list[Moment | None] = []
    for name, text in (("--since", since), ("--until", until)):
        try:
            found.append(None if text is None else moment(text))
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint=name) from None
    return found[0], found[1]


async def _plan(
    chosen: Settings, spec: FlowSpec, selection: Selection, moments: tuple[Moment | None, Moment | None]
) -> Planned:
    from dataclasses import replace

    from millrace.cli.audit_log import log_to_stderr
    from millrace.cli.lag import group_of
    from millrace.cli.retry import operator
    from millrace.composition import kafka_config
    from ops.replay.planning import Planning
    from storage.database import Database

    log_to_stderr(chosen)
    database = Database(chosen.need("database_url"), pool_size=1, application_name="millrace-cli")
    try:
        planning = Planning(database, kafka_config(chosen), spec, group_of(spec), operator())
        since, until = [await planning.at(each) for each in moments]
        if since is not None and until is not None and since >= until:
            raise ValueError("--until lies at or before --since")
        with offsets_bar("reading") as show:
            return await planning.plan(replace(selection, since=since, until=until), show)
    finally:
        await database.close()


@contextmanager
def offsets_bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on stderr while there is somebody to see it; called with how many offsets are done, and of how many."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=notes(), transient=True, disable=not notes().is_terminal) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _tell(planned: Planned, *, as_json: bool) -> None:
    from millrace.cli.replay_wording import remarks
    from millrace.failures import CommandError

    selection, prediction = planned.selection.as_plain(), planned.prediction.as_plain()
    if planned.replay_id is None:
        for remark in remarks(prediction):
            note(remark)
        if prediction["records"]:
            print_prediction(prediction, selection)
            raise CommandError(f"nothing can be reprocessed of {selection['topic']} ({in_words(selection)})")
        raise CommandError(f"nothing is selected: {selection['topic']} has no such records ({in_words(selection)})")
    published = planned.prediction.published(include_rejected=planned.selection.include_rejected)
    published = planned.prediction.reprocessed if planned.selection.reprocess else published
    if as_json:
        spans = [
            {"partition": each, "first_offset": window.range.first, "end_offset": window.range.end, "deleted": window.deleted}
            for each, window in planned.windows.items()
        ]
        told: dict[str, Any] = {"id": planned.replay_id, "status": "planned", "topic": selection["topic"]}
        print_json(told | {"selection": selection, "prediction": prediction, "published": published, "spans": spans})
        return
    print_facts({"plan": planned.replay_id, "topic": selection["topic"], "selection": in_words(selection)})
    print_prediction(prediction, selection)
    what = "events of" if planned.selection.reprocess else "of"
    would = "worked on again" if planned.selection.reprocess else "published"
    note(f"{published:,} {what} {prediction['records']:,} records would be {would}: millrace replay apply {planned.replay_id}")
