"""sentry-arroyo: batches are stored, taken apart again and published, then their offsets are committed.

As examples/transform_and_produce/batched.py of arroyo shows: BatchStep, RunTask, UnbatchStep, Produce, CommitOffsets.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping

import orjson
from arroyo import Message, Partition, Topic
from arroyo.backends.kafka import KafkaConsumer, KafkaPayload, KafkaProducer
from arroyo.backends.kafka.configuration import build_kafka_configuration, build_kafka_consumer_configuration
from arroyo.commit import ONCE_PER_SECOND
from arroyo.processing import StreamProcessor
from arroyo.processing.strategies import BatchStep, CommitOffsets, Produce, RunTask, UnbatchStep
from arroyo.processing.strategies.abstract import ProcessingStrategy, ProcessingStrategyFactory
from arroyo.processing.strategies.batching import ValuesBatch
from arroyo.types import Commit, Value

from benchmarks.peers.storing import Rows, completion, row_of
from benchmarks.work import Assignment, Stopwatch, report

BATCH = 1000


class Factory(ProcessingStrategyFactory[KafkaPayload]):
    """Builds the steps; counts what was published."""

    def __init__(self, work: Assignment, producer: KafkaProducer) -> None:
        self.work, self.producer = work, producer
        self.rows, self.watch, self.published = Rows(), Stopwatch(), 0
        self.finished = lambda: None

    def create_with_partitions(self, commit: Commit, partitions: Mapping[Partition, int]) -> ProcessingStrategy[KafkaPayload]:
        counted = RunTask(self.count, CommitOffsets(commit))
        publish = UnbatchStep(Produce(self.producer, Topic(self.work.target), counted))
        batched = BatchStep(BATCH, self.work.linger, RunTask(self.store, publish))
        return RunTask(self.begin, batched)

    def begin(self, message: Message[KafkaPayload]) -> KafkaPayload:
        self.watch.start()
        return message.payload

    def store(self, message: Message[ValuesBatch[KafkaPayload]]) -> ValuesBatch[KafkaPayload]:
        rows = [row_of(orjson.loads(value.payload.value)) for value in message.payload]
        self.rows.store(rows)
        return [
            Value(KafkaPayload(row[1].encode(), completion(row), []), value.committable, value.timestamp)
            for row, value in zip(rows, message.payload, strict=True)
        ]

    def count(self, message: Message[KafkaPayload]) -> KafkaPayload:
        self.published += 1
        if self.published == self.work.count:
            self.finished()
        return message.payload


def main() -> None:
    work, servers = Assignment.read(), os.environ["KAFKA_BOOTSTRAP_SERVERS"]
    consuming = build_kafka_consumer_configuration(
        {}, bootstrap_servers=[servers], group_id=work.group, auto_offset_reset="earliest", strict_offset_reset=False
    )
    producer = KafkaProducer(build_kafka_configuration({}, bootstrap_servers=[servers]))
    factory = Factory(work, producer)
    processor = StreamProcessor(KafkaConsumer(consuming), Topic(work.source), factory, ONCE_PER_SECOND)
    factory.finished = processor.signal_shutdown
    signal.signal(signal.SIGTERM, lambda *_: processor.signal_shutdown())
    processor.run()
    report(factory.watch.read())


if __name__ == "__main__":
    main()
