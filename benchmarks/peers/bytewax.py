"""Bytewax: a dataflow from Kafka to two sinks, one of our own for the rows, with recovery.

As docs/guide/concepts/kafka.md, recovery.md and advanced-concepts/custom-connectors.md of Bytewax show.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bytewax.operators as op
import orjson
from bytewax.connectors.kafka import KafkaSinkMessage, KafkaSource, KafkaSourceMessage
from bytewax.connectors.kafka import operators as kop
from bytewax.dataflow import Dataflow
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.run import cli_main

from benchmarks.peers.storing import Rows, completion, row_of
from benchmarks.work import Assignment, Stopwatch, report

Row = tuple[str, str, float]


class ReadingsPartition(StatelessSinkPartition[Row]):
    """Stores each batch that reaches it."""

    def __init__(self) -> None:
        self._rows = Rows()

    def write_batch(self, items: list[Row]) -> None:
        self._rows.store(items)


class ReadingsSink(DynamicSink[Row]):
    """A partition for each worker."""

    def build(self, step_id: str, worker_index: int, worker_count: int) -> ReadingsPartition:
        return ReadingsPartition()


def timed(build: Callable[..., Any], watch: Stopwatch) -> Callable[..., Any]:
    """Starts the clock with the first consumer: each partition's begins to fetch on its own before any event is seen."""

    def timed_build(*arguments: Any) -> Any:
        watch.start()
        return build(*arguments)

    return timed_build


def dataflow(work: Assignment) -> Dataflow:
    """Reads, stores and publishes; with a count, up to the end of the topic."""
    brokers = [os.environ["KAFKA_BOOTSTRAP_SERVERS"]]

    flow = Dataflow("readings")
    taken = kop.input("taken", flow, brokers=brokers, topics=[work.source], tail=not work.count)
    op.inspect("errors", taken.errs).then(op.raises, "raise")
    rows = op.map("decode", taken.oks, decode)
    op.output("store", rows, ReadingsSink())
    completions = op.map("complete", rows, lambda row: KafkaSinkMessage(row[1].encode(), completion(row)))
    kop.output("publish", completions, brokers=brokers, topic=work.target)
    return flow


def decode(message: KafkaSourceMessage[bytes | None, bytes | None]) -> Row:
    """The row of a message."""
    return row_of(orjson.loads(message.value or b""))


def main() -> None:
    work, watch = Assignment.read(), Stopwatch()
    KafkaSource.build_part = timed(KafkaSource.build_part, watch)
    with tempfile.TemporaryDirectory() as folder:
        init_db_dir(Path(folder), 1)
        cli_main(dataflow(work), recovery_config=RecoveryConfig(folder))
    report(watch.read())


if __name__ == "__main__":
    main()
