"""What stands between Kafka's consumer and the lane."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.errors import ConsumerStoppedError
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


class FakeConsumer:
    """Nothing at the first poll, records at the second, stopped at the third."""

    def __init__(self) -> None:
        self.polled: list[int] = []

    async def getmany(self, *, timeout_ms: int, max_records: int) -> dict[TopicPartition, list[ConsumerRecord]]:
        assert timeout_ms > 0  # or an idle consumer would never rest
        self.polled.append(max_records)
        match len(self.polled):
            case 1:
                return {}
            case 2:
                return {TopicPartition("t.notes.requested", place): [record(place, 5), record(place, 6)] for place in (0, 1)}
            case _:
                raise ConsumerStoppedError

    def assignment(self) -> set[TopicPartition]:
        return set()


async def started(lane: FakeLane) -> Any:
    """A subscriber with all but its consumer."""
    broker = KafkaBroker("localhost:1", apply_types=False)
    broker._setup_logger()
    subscriber = Intake(broker, lane, EngineConfig(), None).subscriber  # type: ignore[arg-type]
    await SubscriberUsecase.start(subscriber)
    subscriber._post_start()
    return subscriber


async def test_an_empty_poll_is_followed_by_the_next_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever sleeps in between leaves what comes meanwhile lying."""

    async def sleep(_seconds: float) -> None:
        raise AssertionError("it sleeps")

    monkeypatch.setattr("anyio.sleep", sleep)
    lane, consumer = FakeLane(), FakeConsumer()
    subscriber = await started(lane)
    subscriber.consumer = consumer
    await subscriber._run_consume_loop(consumer)
    assert lane.taken == [[(0, 5), (0, 6)], [(1, 5), (1, 6)]]
    assert consumer.polled == [EngineConfig().consumer.fetch_records] * 3


async def test_records_reach_the_lane_before_anything_else_can_run() -> None:
    """A rebalance between fetch and intake would bind records to the wrong assignment."""
    lane = FakeLane()
    subscriber = await started(lane)
    coroutine = subscriber.process_message((record(0, 5), record(0, 6), record(1, 3)))
    with suppress(StopIteration):
        coroutine.send(None)
    coroutine.close()
    assert lane.taken == [[(0, 5), (0, 6)], [(1, 3)]]
