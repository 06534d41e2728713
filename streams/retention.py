"""Records that Kafka deleted before they were read: the lane stops instead of skipping them in silence."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from streams.backoff import Backoff
from streams.lane import Lane

log = structlog.get_logger(__name__)

PASS_OVER_SECONDS = 10.0


class RetentionCheck:
    """Compares the offset that a partition is to go on from with the first one that Kafka still has.

    Nothing is committed while a check is under way, so a gap is never passed. Checked are all partitions when they are
    assigned, and one whose next batch does not follow on the last (transactions and compaction leave such gaps too).
    """

    def __init__(self, lane: Lane) -> None:
        self.lane, self.backoff = lane, Backoff(base=0.2, cap=5.0)
        self._tasks: set[asyncio.Task[None]] = set()
        self._under_way = 0

    def assigned(self, consumer: AIOKafkaConsumer, partitions: Iterable[TopicPartition]) -> None:
        """Checks what the group has committed, in the background: the callback of a rebalance must not wait."""
        self._start(consumer, dict.fromkeys(partitions))

    def gap(self, consumer: AIOKafkaConsumer, partition: TopicPartition, expected: int) -> None:
        """Checks a partition whose next record should have had offset `expected`."""
        self._start(consumer, {partition: expected})

    async def pass_over(self, consumer: AIOKafkaConsumer | None) -> bool:
        """Has the lane go on where it was, or at the first record that is left, and commits what was lost as passed.

        Its partitions are paused meanwhile, so that nothing from before reaches the lane afterwards. False while Kafka does
        not answer: then nothing has changed.
        """
        if consumer is None:
            return False
        try:
            async with asyncio.timeout(PASS_OVER_SECONDS):
                places = {each: await _place(consumer, each) for each in consumer.assignment()}
                if passed := {each: start for each, (committed, start) in places.items() if committed < start}:
                    await consumer.commit(passed)
        except (KafkaError, TimeoutError) as error:
            log.warning("retention_check_failed", agent=self.lane.spec.name, error=repr(error))
            return False
        for each in places.keys() & consumer.assignment():
            consumer.seek(each, max(places[each]))
        self.lane.halted = None
        if not self._under_way:
            self.lane.offsets.checked.set()
        return True

    def close(self) -> None:
        for task in self._tasks:
            task.cancel()

    def _start(self, consumer: AIOKafkaConsumer, expected: Mapping[TopicPartition, int | None]) -> None:
        self.lane.offsets.checked.clear()
        self._under_way += 1
        task = asyncio.create_task(self._check(consumer, expected))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _check(self, consumer: AIOKafkaConsumer, expected: Mapping[TopicPartition, int | None]) -> None:
        attempt = 0
        while True:
            try:
                lost = await lost_records(consumer, expected)
            except Exception as error:  # noqa: BLE001 - whatever it is, without an answer nothing may be committed
                attempt += 1
                log.warning("retention_check_failed", agent=self.lane.spec.name, error=repr(error))
                await asyncio.sleep(self.backoff.delay(attempt))
                continue
            self._under_way -= 1
            if lost:
                self._halt(lost)
            elif not self._under_way and self.lane.halted is None:
                self.lane.offsets.checked.set()
            return

    def _halt(self, lost: Mapping[TopicPartition, tuple[int, int]]) -> None:
        told = "; ".join(f"{tp.topic}/{tp.partition}: {gone} to {start - 1}" for tp, (gone, start) in sorted(lost.items()))
        reason = f"Kafka deleted records before they were read: {told}"
        self.lane.halt(reason)


async def lost_records(
    consumer: AIOKafkaConsumer, expected: Mapping[TopicPartition, int | None]
) -> dict[TopicPartition, tuple[int, int]]:
    """For each partition that has lost records: the offset it should go on from, and the first one that is left.

    None stands for the offset that the group has committed; a partition without one has lost nothing.
    """
    if not expected:
        return {}
    starts = await consumer.beginning_offsets(list(expected))
    nexts = {
        partition: await consumer.committed(partition) if offset is None else offset for partition, offset in expected.items()
    }
    return {
        partition: (offset, starts[partition])
        for partition, offset in nexts.items()
        if offset is not None and offset < starts[partition]
    }


async def _place(consumer: AIOKafkaConsumer, partition: TopicPartition) -> tuple[int, int]:
    """The offset that the group has committed, and the first one that Kafka still has."""
    start = (await consumer.beginning_offsets([partition]))[partition]
    committed = await consumer.committed(partition)
    return (start if committed is None else committed), start
