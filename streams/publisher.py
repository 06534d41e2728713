"""Publishing outbox rows: one idempotent producer, batches built for each partition, no future for each record."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from uuid import UUID

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    CorruptRecordException,
    InvalidTimestampError,
    KafkaError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
)

from storage.headers import unpack_headers
from storage.outbox import OutboxRow
from streams.partitioner import partitions_of
from streams.producing import ProducerOwner

log = structlog.get_logger(__name__)

# What no repetition mends: the broker says no to these bytes.
REFUSALS = (MessageSizeTooLargeError, RecordListTooLargeError, CorruptRecordException, InvalidTimestampError)

Lot = list[OutboxRow]


class Refused(Exception):  # noqa: N818 - what the broker did
    """Kafka refuses a row for good."""

    def __init__(self, row: OutboxRow, error: BaseException) -> None:
        super().__init__(f"{type(error).__name__}: {error}")
        self.row = row


class Publisher(ProducerOwner):
    """Publishes rows of the outbox."""

    async def publish(self, rows: Sequence[OutboxRow]) -> tuple[set[UUID], list[Refused]]:
        """Publishes rows and waits for every replica; returns the ids that arrived, and the rows refused for good.

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

    async def topics(self) -> set[str]:
        """The topics that Kafka has."""
        producer = await self._ready()
        metadata = await producer.client.fetch_all_metadata()
        return set(metadata.topics())

    async def _send(self, producer: AIOKafkaProducer, rows: Sequence[OutboxRow]) -> tuple[set[UUID], list[Refused]]:
        sent: list[tuple[asyncio.Future[object], Lot]] = []
        for (topic, partition), lot in (await self._by_partition(producer, rows)).items():
            sent += await self._send_lot(producer, topic, partition, lot)
        answers = await asyncio.gather(*(future for future, _ in sent), return_exceptions=True)
        arrived, refused = set[UUID](), list[Refused]()
        for (_, lot), answer in zip(sent, answers, strict=True):
            if isinstance(answer, REFUSALS):
                refused += [Refused(row, answer) for row in lot]
            elif isinstance(answer, BaseException):
                raise answer
            else:
                arrived.update(row.id for row in lot)
        if len(refused) > 1:
            return await self._one_by_one(producer, arrived, refused)
        return arrived, refused

    async def _one_by_one(
        self, producer: AIOKafkaProducer, arrived: set[UUID], refused: Iterable[Refused]
    ) -> tuple[set[UUID], list[Refused]]:
        """A batch was refused: the rows alone tell which of them it was for."""
        left = []
        for each in refused:
            one, no = await self._send(producer, [each.row])
            arrived |= one
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
            for row, partition in zip(lot, chosen, strict=True):
                lots[topic, partition if row.key is not None else random.randrange(count)].append(row)  # noqa: S311
        return lots

    async def _send_lot(
        self, producer: AIOKafkaProducer, topic: str, partition: int, lot: Lot
    ) -> list[tuple[asyncio.Future[object], Lot]]:
        sent = []
        batch, inside = producer.create_batch(), Lot()
        for row in lot:
            headers = unpack_headers(row.headers)
            if batch.append(timestamp=None, key=row.key, value=row.value, headers=headers) is None:
                sent.append((await producer.send_batch(batch, topic, partition=partition), inside))
                batch, inside = producer.create_batch(), Lot()
                batch.append(timestamp=None, key=row.key, value=row.value, headers=headers)
            inside.append(row)
        sent.append((await producer.send_batch(batch, topic, partition=partition), inside))
        return sent
