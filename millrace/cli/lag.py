"""`millrace lag`: what still waits, in Kafka and in PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from millrace.cli.asking import ask
from millrace.cli.output import Json, data, note, print_json, table

if TYPE_CHECKING:
    from handlers.flow import FlowSpec
    from millrace.settings import Settings
    from storage.backlog import Backlog
    from streams.lag import PartitionLag


def lag(as_json: Json = False) -> None:
    """Show how far each flow is behind: by partition, with retries, the outbox and dead letters.

    A partition's lag counts the records that Kafka has beyond the committed offset. Asks Kafka and PostgreSQL only; no
    worker needs to run.
    """
    from handlers.flow import FLOWS
    from millrace.cli.servers import settings
    from storage.backlog import backlogs
    from storage.lanes import states

    chosen = settings("kafka_bootstrap_servers", "database_url")
    partitions = _partitions(chosen, FLOWS)
    waiting, stopped = ask(backlogs), {name: lane.reason for name, lane in ask(states).items() if lane.is_stopped}
    flows = [_plain(spec, partitions[group_of(spec)], waiting) | {"stopped": stopped.get(spec.name)} for spec in FLOWS]
    if as_json:
        print_json({"flows": flows})
        return
    data().print(_flows(flows))
    _print_partitions(flows)


def group_of(spec: FlowSpec) -> str:
    """The consumer group of a flow."""
    return f"millrace.{spec.name}"


def _partitions(chosen: Settings, specs: Sequence[FlowSpec]) -> Mapping[str, Sequence[PartitionLag]]:
    from millrace.cli.servers import kafka_of, reaching_kafka
    from streams.lag import partition_lags

    with reaching_kafka(chosen):
        return asyncio.run(partition_lags(kafka_of(chosen), {group_of(spec): spec.topic for spec in specs}))


def _plain(spec: FlowSpec, partitions: Sequence[PartitionLag], waiting: Mapping[str, Backlog]) -> dict[str, Any]:
    from storage.backlog import Backlog

    names = {"flow": spec.name, "topic": spec.topic, "group": group_of(spec), "lag": sum(each.lag for each in partitions)}
    rows = [
        {"partition": each.partition, "committed": each.committed, "start": each.start, "end": each.end}
        | {"lag": each.lag, "lost": each.lost}
        for each in partitions
    ]
    return names | asdict(waiting.get(spec.name, Backlog())) | {"partitions": rows}


def _flows(flows: Sequence[Mapping[str, Any]]) -> Any:
    counted = {
        "lag": "lag",
        "waiting": "retries waiting",
        "due": "due",
        "in_hand": "in hand",
        "unpublished": "unpublished",
        "parked": "parked",
        "dead_letters": "dead letters",
    }
    lines = [(flow["flow"], flow["topic"], *(flow[name] for name in counted)) for flow in flows]
    return table(("flow", "topic", *counted.values()), lines, numbers=tuple(counted.values()))


def _print_partitions(flows: Sequence[Mapping[str, Any]]) -> None:
    """Those that ever held a record; most of a small installation's never did."""
    lines = [
        (flow["topic"], each["partition"], "-" if each["committed"] is None else each["committed"], each["end"], each["lag"])
        for flow in flows
        for each in flow["partitions"]
        if each["end"]
    ]
    numbers = ("partition", "committed", "end", "lag")
    if lines:
        data().print(table(("topic", *numbers), lines, numbers=numbers))
    for flow in flows:
        if flow["stopped"] is not None:
            note(f"[red]{flow['flow']} is stopped: {flow['stopped']}[/] (millrace lane list)")
        for each in flow["partitions"]:
            if each["lost"]:
                place = f"{flow['topic']}, partition {each['partition']}"
                note(f"[red]{place}: Kafka deleted {each['lost']} records before they were read[/] (docs/operations.md)")
