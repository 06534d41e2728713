"""Publishing outbox rows: one idempotent producer, batches built for each partition, no future for each record."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import Iterable, Sequence

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

    async def publish(self, rows: Sequence[OutboxRow]) -> tuple[Lot, list[Refused]]:
        """Publishes rows and waits for every replica; returns those that arrived, and those refused for good.

        Raises KafkaError or TimeoutError when some of them did not arrive: Kafka is away. Publishing all of them again
        is right then: downstream knows a repeated id.
        """
        async with asyncio.timeout(self.timeout):
            await self._ready()
        async with asyncio.timeout(self.timeout):
            return await self._send(rows)

    async def topics(self) -> set[str]:
        """The topics that Kafka has."""
        producer = await self._ready()
        metadata = await producer.client.fetch_all_metadata()
        return set(metadata.topics())

    async def _send(self, rows: Sequence[OutboxRow]) -> tuple[Lot, list[Refused]]:
        producer = await self._ready()
        try:
            sent = await self._answered(producer, rows)
        except (KafkaError, TimeoutError, asyncio.CancelledError):
            self._retire(producer)
            raise
        arrived = [row for lot, error in sent if error is None for row in lot]
        failed = [(lot, error) for lot, error in sent if error is not None]
        if not failed:
            return arrived, []
        # What was sent behind a refused batch fails too, because the producer's numbers have a gap then.
        self._retire(producer)
        refusal = next((error for _, error in failed if isinstance(error, REFUSALS)), None)
        if refusal is None:
            raise failed[0][1]
        if len(rows) == 1:
            return arrived, [Refused(rows[0], refusal)]
        return await self._one_by_one(arrived, [row for lot, _ in failed for row in lot])

    async def _one_by_one(self, arrived: Lot, rows: Iterable[OutboxRow]) -> tuple[Lot, list[Refused]]:
        """A batch was refused: the rows alone tell which of them it was for."""
        refused = list[Refused]()
        for row in rows:
            one, no = await self._send([row])
            arrived += one
            refused += no
        return arrived, refused

    async def _answered(self, producer: AIOKafkaProducer, rows: Sequence[OutboxRow]) -> list[tuple[Lot, BaseException | None]]:
        """The rows of each batch, with the error it ended with, if any."""
        sent: list[tuple[asyncio.Future[object], Lot]] = []
        for (topic, partition), lot in (await self._by_partition(producer, rows)).items():
            sent += await self._send_lot(producer, topic, partition, lot)
        answers = await asyncio.gather(*(future for future, _ in sent), return_exceptions=True)
        return [
            (lot, answer if isinstance(answer, BaseException) else None) for (_, lot), answer in zip(sent, answers, strict=True)
        ]

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
