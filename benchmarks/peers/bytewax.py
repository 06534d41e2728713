"""Bytewax: a dataflow from Kafka to two sinks, one of our own for the rows, with recovery.

As docs/guide/concepts/kafka.md, recovery.md and advanced-concepts/custom-connectors.md of Bytewax show.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import bytewax.operators as op
import orjson
from bytewax.connectors.kafka import KafkaSink, KafkaSinkMessage, KafkaSource, KafkaSourceMessage
from bytewax.dataflow import Dataflow
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.run import cli_main

from benchmarks.peers.storing import Rows, completion, row_of
from benchmarks.work import Assignment, Stopwatch, report

Row = tuple[str, str, float]


class Readings(KafkaSource):
    """A source whose consumers have begun to fetch, each partition's on its own, before the first event is seen."""

    watch: Stopwatch

    def build_part(self, step_id: str, for_part: str, resume_state: int | None) -> Any:
        self.watch.start()
        return super().build_part(step_id, for_part, resume_state)


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


def dataflow(work: Assignment, watch: Stopwatch) -> Dataflow:
    """Reads, stores and publishes; with a count, up to the end of the topic."""
    brokers = [os.environ["KAFKA_BOOTSTRAP_SERVERS"]]

    source = Readings(brokers, [work.source], tail=not work.count)
    source.watch = watch
    flow = Dataflow("readings")
    taken = op.input("taken", flow, source)
    rows = op.map("decode", taken, decode)
    op.output("store", rows, ReadingsSink())
    completions = op.map("complete", rows, lambda row: KafkaSinkMessage(row[1].encode(), completion(row)))
    op.output("publish", completions, KafkaSink(brokers, work.target))
    return flow


def decode(message: KafkaSourceMessage[bytes | None, bytes | None]) -> Row:
    """The row of a message."""
    return row_of(orjson.loads(message.value or b""))


def main() -> None:
    work, watch = Assignment.read(), Stopwatch()
    with tempfile.TemporaryDirectory() as folder:
        init_db_dir(Path(folder), 1)
        cli_main(dataflow(work, watch), recovery_config=RecoveryConfig(folder))
    report(watch.read())


if __name__ == "__main__":
    main()
