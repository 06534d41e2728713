"""What stands between Kafka's consumer and the lane."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from aiokafka import ConsumerRecord
from faststream._internal.endpoint.subscriber.usecase import SubscriberUsecase
from faststream.kafka import KafkaBroker

from streams.budget import Budget
from streams.config import EngineConfig
from streams.gate import Gate
from streams.offsets import Offsets
from streams.subscribers import Intake
from tests.support.notes import notes


class FakeLane:
    def __init__(self) -> None:
        self.spec = notes("t.")
        self.budget = Budget(1000, 1_000_000)
        self.offsets = Offsets("notes")
        self.gate = Gate()
        self.taken: list[list[tuple[int, int]]] = []

    def intake(self, records: Any, end: int) -> None:
        assert end == records[-1].offset + 1
        self.taken.append([(record.partition, record.offset) for record in records])


def record(partition: int, offset: int) -> ConsumerRecord:
    return ConsumerRecord(
        topic="t.notes.requested",
        partition=partition,
        offset=offset,
        timestamp=0,
        timestamp_type=0,
        key=None,
        value=b"\xff not even text",
        checksum=None,
        serialized_key_size=0,
        serialized_value_size=0,
        headers=(("h", None), ("b", b"\xff")),
    )


async def test_records_reach_the_lane_before_anything_else_can_run() -> None:
    """A rebalance between fetch and intake would bind records to the wrong assignment."""
    lane = FakeLane()
    broker = KafkaBroker("localhost:1", apply_types=False)
    broker._setup_logger()
    subscriber = Intake(broker, lane, EngineConfig(), None).subscriber  # type: ignore[arg-type]
    await SubscriberUsecase.start(subscriber)  # all but the consumer
    subscriber._post_start()
    coroutine = subscriber.process_message((record(0, 5), record(0, 6), record(1, 3)))
    with suppress(StopIteration):
        coroutine.send(None)
    coroutine.close()
    assert lane.taken == [[(0, 5), (0, 6)], [(1, 3)]]
