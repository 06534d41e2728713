"""Publishing outbox rows: one idempotent producer, batches built for each partition, no future for each record."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import suppress

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    CorruptRecordException,
    InvalidTimestampError,
    KafkaError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
)

from storage.headers import unpack_headers
from storage.outbox import OutboxRow
from streams.kafka import KafkaConfig
from streams.partitioner import partitions_of

log = structlog.get_logger(__name__)

# What no repetition mends: the broker says no to these bytes.
REFUSALS = (MessageSizeTooLargeError, RecordListTooLargeError, CorruptRecordException, InvalidTimestampError)
BATCH_BYTES = 256 * 1024
LARGEST_REQUEST = 1024 * 1024

Lot = list[OutboxRow]


class Refused(Exception):  # noqa: N818 - what the broker did
    """Kafka refuses a row for good."""

    def __init__(self, row: OutboxRow, error: BaseException) -> None:
        super().__init__(f"{type(error).__name__}: {error}")
        self.row = row


class Publisher:
    """Owns the producer, and makes a new one when the old one has been broken by an outage."""

    def __init__(self, kafka: KafkaConfig, *, timeout: float = 15.0) -> None:
        self.kafka, self.timeout = kafka, timeout
        self._producer: AIOKafkaProducer | None = None
        self._starting = asyncio.Lock()
        self._retiring: set[asyncio.Task[None]] = set()

    async def publish(self, rows: Sequence[OutboxRow]) -> tuple[Lot, list[Refused]]:
        """Publishes rows and waits for every replica; returns those that arrived, and those refused for good.

        Raises KafkaError or TimeoutError when some of them did not arrive: Kafka is away. Publishing all of them again
        is right then: downstream knows a repeated id.
        """
        async with asyncio.timeout(self.timeout):
            producer = await self._ready()
        try:
            async with asyncio.timeout(self.timeout):
                return await self._send(producer, rows)
        except (KafkaError, TimeoutError):
            self._retire(producer)
            raise

    async def ping(self) -> None:
        """Raises while Kafka does not answer."""
        producer = await self._ready()
        await producer.client.fetch_all_metadata()

    async def topics(self) -> set[str]:
        """The topics that Kafka has."""
        producer = await self._ready()
        metadata = await producer.client.fetch_all_metadata()
        return set(metadata.topics())

    async def close(self) -> None:
        if self._producer is not None:
            self._retire(self._producer)
        await asyncio.gather(*self._retiring)

    def _retire(self, producer: AIOKafkaProducer) -> None:
        """Stops a producer in the background: what it still holds is published again by its successor."""
        if self._producer is producer:
            self._producer = None
            task = asyncio.create_task(self._stop(producer))
            self._retiring.add(task)
            task.add_done_callback(self._retiring.discard)

    async def _stop(self, producer: AIOKafkaProducer) -> None:
        with suppress(KafkaError, TimeoutError):
            async with asyncio.timeout(self.timeout):
                await producer.stop()
            return
        # It waits for records that do not leave, and would go on trying to send them for ever.
        with suppress(KafkaError, TimeoutError, asyncio.CancelledError):
            async with asyncio.timeout(self.timeout):
                producer._message_accumulator.fail_all(KafkaTimeoutError())  # noqa: SLF001 - no public way ends it
                await producer._sender.close()  # noqa: SLF001 - as above
        await producer.client.close()

    async def _ready(self) -> AIOKafkaProducer:
        async with self._starting:
            if self._producer is None:
                producer = AIOKafkaProducer(
                    **self.kafka.client_arguments(),
                    enable_idempotence=True,
                    acks="all",
                    linger_ms=0,
                    max_batch_size=BATCH_BYTES,
                    max_request_size=LARGEST_REQUEST,
                )
                try:
                    await producer.start()
                except BaseException:
                    await producer.stop()
                    raise
                self._producer = producer
            return self._producer

    async def _send(self, producer: AIOKafkaProducer, rows: Sequence[OutboxRow]) -> tuple[Lot, list[Refused]]:
        sent: list[tuple[asyncio.Future[object], Lot]] = []
        for (topic, partition), lot in (await self._by_partition(producer, rows)).items():
            sent += await self._send_lot(producer, topic, partition, lot)
        answers = await asyncio.gather(*(future for future, _ in sent), return_exceptions=True)
        arrived, refused = Lot(), list[Refused]()
        for (_, lot), answer in zip(sent, answers, strict=True):
            if isinstance(answer, REFUSALS):
                refused += [Refused(row, answer) for row in lot]
            elif isinstance(answer, BaseException):
                raise answer
            else:
                arrived += lot
        if len(refused) > 1:
            return await self._one_by_one(producer, arrived, refused)
        return arrived, refused

    async def _one_by_one(
        self, producer: AIOKafkaProducer, arrived: Lot, refused: Iterable[Refused]
    ) -> tuple[Lot, list[Refused]]:
        """A batch was refused: the rows alone tell which of them it was for."""
        left = []
        for each in refused:
            one, no = await self._send(producer, [each.row])
            arrived = arrived + one
            left += no
        return arrived, left

    async def _by_partition(self, producer: AIOKafkaProducer, rows: Sequence[OutboxRow]) -> dict[tuple[str, int], Lot]:
        by_topic: defaultdict[str, Lot] = defaultdict(list)
        for row in rows:
            by_topic[row.topic].append(row)
        lots: defaultdict[tuple[str, int], Lot] = defaultdict(list)
        for topic, lot in by_topic.items():
            count = len(await producer.partitions_for(topic))
            chosen = partitions_of([row.key or b"" for row in lot], count)
            places = [lots[topic, partition] for partition in range(count)]
            for row, partition in zip(lot, chosen, strict=True):
                places[partition if row.key is not None else random.randrange(count)].append(row)  # noqa: S311
        return {place: lot for place, lot in lots.items() if lot}

    async def _send_lot(
        self, producer: AIOKafkaProducer, topic: str, partition: int, lot: Lot
    ) -> list[tuple[asyncio.Future[object], Lot]]:
        sent = []
        batch, inside = producer.create_batch(), Lot()
        for row in lot:
            headers = unpack_headers(row.headers) if row.headers else []
            if batch.append(timestamp=None, key=row.key, value=row.value, headers=headers) is None:
                sent.append((await producer.send_batch(batch, topic, partition=partition), inside))
                batch, inside = producer.create_batch(), Lot()
                batch.append(timestamp=None, key=row.key, value=row.value, headers=headers)
            inside.append(row)
        sent.append((await producer.send_batch(batch, topic, partition=partition), inside))
        return sent
