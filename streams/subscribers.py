"""The FastStream batch subscriber of a lane: raw records in, offsets ours alone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from itertools import chain
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from faststream.kafka.message import KafkaAckableMessage

from events.envelope import Envelope
from streams.config import EngineConfig
from streams.lane import Lane
from streams.retention import RetentionCheck
from streams.starts import Starts

log = structlog.get_logger(__name__)

# Seconds that a rebalance leaves for the commit after the drain.
DRAIN_MARGIN = 15.0

# How long one poll of an idle consumer takes; records end it as they come.
IDLE_POLL_MILLISECONDS = 200


class RawBatch(KafkaAckableMessage):
    """A batch whose offsets are committed by the lane, never by FastStream."""

    async def ack(self) -> None:
        """Nothing: the watermark decides."""


class Intake(ConsumerRebalanceListener):  # type: ignore[misc]
    """What FastStream and aiokafka call for one lane."""

    def __init__(self, broker: KafkaBroker, lane: Lane, config: EngineConfig, starts: Starts) -> None:
        self.lane, self.starts = lane, starts
        self.patience, self.fetch_records = config.lane.patience, config.consumer.fetch_records
        self._paused = asyncio.Event()
        self._retention = RetentionCheck(lane)
        self.subscriber = self._subscriber(broker, config)
        self.subscriber(self._handler())
        self.subscriber.get_msg = self._poll
        lane.offsets.consumer = lambda: self.consumer

    def _subscriber(self, broker: KafkaBroker, config: EngineConfig) -> Any:
        spec, limits = self.lane.spec, config.consumer
        return broker.subscriber(
            spec.topic,
            batch=True,
            group_id=f"{config.group_prefix}.{spec.name}",
            ack_policy=AckPolicy.NACK_ON_ERROR,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            max_partition_fetch_bytes=limits.fetch_bytes,
            session_timeout_ms=int(limits.session_timeout * 1000),
            heartbeat_interval_ms=int(limits.session_timeout * 100),
            max_poll_interval_ms=int(limits.max_poll_interval * 1000),
            rebalance_timeout_ms=int(rebalance_seconds(config) * 1000),
            no_reply=True,
            parser=self._parse,
            decoder=_raw,
            listener=self,
            title=f"{spec.topic}:{spec.name}",
            description=f"Consumed by the flow {spec.name}",
        )

    @property
    def consumer(self) -> AIOKafkaConsumer | None:
        consumer: AIOKafkaConsumer | None = self.subscriber.consumer
        return consumer

    async def take(self, records: Sequence[ConsumerRecord]) -> None:
        """Takes a batch at once; then a full lane holds the consumer up, and after a while pauses it.

        Pausing throws away what was prefetched, waiting does not; but who waits too long is put out of the group.
        """
        for some in _by_partition(records):
            self._look_for_a_gap(some[0])
            self.lane.intake(some, self._next(some[-1]))
        if not self.lane.gate.is_open or not await self.lane.budget.wait_for_room(self.patience):
            self._pause()

    async def pause(self) -> None:
        """Pauses the partitions whenever the lane's gate is shut, until cancelled."""
        while True:
            await self.lane.gate.wait_until_shut()
            self._pause()
            await self.lane.gate.wait_until_open()

    async def resume(self) -> None:
        """Resumes paused partitions whenever the lane is open and has become half empty, until cancelled."""
        while True:
            await self._paused.wait()
            await self.lane.gate.wait_until_open()
            await self.lane.budget.wait_until_half_empty()
            if not self.lane.gate.is_open:
                continue
            self._paused.clear()
            if self.consumer is not None:
                self.consumer.resume(*self.consumer.paused())

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        """Finishes and commits what is in hand before another worker gets the partitions."""
        await self.lane.leave(revoked)
        self.starts.left(revoked)

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        """What the group is to go on from must still be there."""
        log.info("assigned", agent=self.lane.spec.name, partitions=sorted(each.partition for each in assigned))
        if self.consumer is not None:
            self._retention.assigned(self.consumer, assigned)
            self.starts.assigned(self.consumer, assigned)
        if not self.lane.gate.is_open:
            self._pause()  # a rebalance clears pauses

    async def pass_over(self) -> bool:
        """Goes on after records that Kafka deleted unread, as a person has decided; False while Kafka does not answer."""
        return await self._retention.pass_over(self.consumer)

    def close(self) -> None:
        self._retention.close()

    def _next(self, last: ConsumerRecord) -> int:
        """The offset that is read next: behind the marks with which transactions end, which are no records.

        Nothing is between these records and that offset, because the consumer is not asked for more before they are taken.
        """
        place = TopicPartition(last.topic, last.partition)
        after: int = last.offset + 1
        if self.consumer is None or place not in self.consumer.assignment():
            return after
        asked = self.consumer.position(place)
        try:
            asked.send(None)  # not awaited: a rebalance would have its turn if the position were not known
        except StopIteration as known:
            return max(after, int(known.value))
        asked.close()
        return after

    def _look_for_a_gap(self, record: ConsumerRecord) -> None:
        partition = self.lane.offsets.partition(record.topic, record.partition)
        if partition.end is not None and record.offset > partition.end and self.consumer is not None:
            self._retention.gap(self.consumer, partition.topic_partition, partition.end)

    def _pause(self) -> None:
        if self.consumer is not None:
            self.consumer.pause(*self.consumer.assignment())
            self._paused.set()

    def _handler(self) -> Callable[[Sequence[ConsumerRecord]], Awaitable[None]]:
        async def intake(records: Sequence[ConsumerRecord]) -> None:
            await self.take(records)

        # What AsyncAPI shows as the message; nothing is parsed by it.
        intake.__annotations__ = {"records": Envelope[next(iter(self.lane.spec.models.values()))]}  # type: ignore[misc]
        return intake

    async def _poll(self, consumer: AIOKafkaConsumer) -> tuple[ConsumerRecord, ...]:
        """The next records of all partitions, as soon as there are any.

        FastStream's own way sleeps after an empty poll for as long as the poll took, and what comes meanwhile waits.
        """
        fetched = await consumer.getmany(timeout_ms=IDLE_POLL_MILLISECONDS, max_records=self.fetch_records)
        return tuple(chain.from_iterable(fetched.values()))

    async def _parse(self, records: Sequence[ConsumerRecord]) -> RawBatch:
        return RawBatch(
            raw_message=tuple(records),
            body=[],
            headers={},
            batch_headers=[],
            message_id="",
            correlation_id="",
            consumer=self.consumer,
        )


def rebalance_seconds(config: EngineConfig) -> float:
    """How long the members of a group have for a rebalance: the drain has to fit in."""
    return max(config.consumer.session_timeout, config.lane.drain + DRAIN_MARGIN)


async def _raw(message: RawBatch) -> Any:
    return message.raw_message


def _by_partition(records: Sequence[ConsumerRecord]) -> Iterator[Sequence[ConsumerRecord]]:
    """A batch in pieces of one partition each; a batch holds the records of a partition together."""
    start = 0
    for place in range(1, len(records) + 1):
        if place == len(records) or records[place].partition != records[start].partition:
            yield records[start:place]
            start = place


async def start_together(broker: KafkaBroker) -> None:
    """Starts a broker, as `broker.start` does, but all consumers at once.

    Each waits for its group, which may wait for a member that died: one after the other would wait for all of them in turn.
    """
    await broker.connect()
    started = await asyncio.gather(*(each.start() for each in broker.subscribers), return_exceptions=True)
    for error in started:
        if isinstance(error, BaseException):
            raise error
    for publisher in broker.publishers:
        await publisher.start()
    broker.running = True
