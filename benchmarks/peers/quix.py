"""Quix Streams: a batching sink that is flushed when a checkpoint commits, and an output topic.

The sink is written as docs/connectors/sinks/custom-sinks.md of Quix Streams shows; the guarantee is `--variant`.
"""

from __future__ import annotations

import os
import tempfile
from typing import Any

from quixstreams import Application
from quixstreams.sinks.base import BatchingSink, SinkBatch

from benchmarks.peers.storing import Rows, row_of
from benchmarks.work import Assignment, Stopwatch, report

# What is counted are outputs: a row and a completion for each event.
OUTPUTS = 2


class ReadingsSink(BatchingSink):
    """Stores what came between two checkpoints, partition by partition."""

    def setup(self) -> None:
        self._rows = Rows()

    def write(self, batch: SinkBatch) -> None:
        self._rows.store(row_of(item.value) for item in batch)


def application(work: Assignment, state: str, watch: Stopwatch) -> Application:
    """Reads, sinks and publishes."""
    app = Application(
        broker_address=os.environ["KAFKA_BOOTSTRAP_SERVERS"],
        consumer_group=work.group,
        auto_offset_reset="earliest",
        commit_interval=work.linger,
        processing_guarantee=work.variant,
        auto_create_topics=False,
        state_dir=state,
        loglevel="WARNING",
    )
    frame = app.dataframe(app.topic(work.source, value_deserializer="json"))
    frame = frame.update(lambda _: watch.start())
    frame.sink(ReadingsSink())
    completions = frame.apply(_completion)
    completions.to_topic(app.topic(work.target, value_serializer="json"), key=lambda value: value.pop("sensor"))
    return app


def _completion(event: dict[str, Any]) -> dict[str, Any]:
    event_id, sensor, value = row_of(event)
    return {"id": event_id, "value": value, "sensor": sensor}


def main() -> None:
    work, watch = Assignment.read(), Stopwatch()
    with tempfile.TemporaryDirectory() as state:
        application(work, state, watch).run(count=work.count * OUTPUTS)
    report(watch.read())


if __name__ == "__main__":
    main()
