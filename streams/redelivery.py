"""Publishing records once more, as they were: batches built for each partition, no future for each record."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.producer.message_accumulator import BatchBuilder

from streams.header_names import AnyNameBatch, as_octets, is_text
from streams.partitioner import partitions_of
from streams.producing import BATCH_BYTES, ProducerOwner
from streams.publisher import REFUSALS
from streams.read import Incoming

Lot = list[Incoming]


class NotTaken(NamedTuple):
    """A record that Kafka refuses for good, and why."""

    record: Incoming
    reason: str


class Redeliverer(ProducerOwner):
    """Publishes records to the topic they came from, with a fresh timestamp.

    One with a key goes to the partition that its key has now, one without to the partition it came from; what goes to one
    partition keeps its order.
    """

    async def publish(self, records: Sequence[Incoming]) -> list[NotTaken]:
        """Publishes records of one topic and waits for every replica; returns those that are refused for good.

        Raises KafkaError or TimeoutError when some did not arrive: Kafka is away. Publishing all of them again is right
        then: a repeated event is known by its key.
        """
        if not records:
            return []
        async with asyncio.timeout(self.timeout):
            await self._ready()
        async with asyncio.timeout(self.timeout):
            return await self._send(records)

    async def _send(self, records: Sequence[Incoming]) -> list[NotTaken]:
        producer = await self._ready()
        try:
            failed = await self._failed(producer, records)
        except (KafkaError, TimeoutError, asyncio.CancelledError):
            self._retire(producer)
            raise
        if not failed:
            return []
        # What was sent behind a refused batch fails too, because the producer's numbers have a gap then.
        self._retire(producer)
        refusal = next((error for _, error in failed if isinstance(error, REFUSALS)), None)
        if refusal is None:
            raise failed[0][1]
        if len(records) == 1:
            return [NotTaken(records[0], f"{type(refusal).__name__}: {refusal}")]
        # The records alone tell which of them it was for.
        return [no for lot, _ in failed for record in lot for no in await self._send([record])]

    async def _failed(self, producer: AIOKafkaProducer, records: Sequence[Incoming]) -> list[tuple[Lot, BaseException]]:
        topic, sent = records[0].topic, list[tuple[asyncio.Future[object], Lot]]()
        count = len(await producer.partitions_for(topic))
        for partition, lot in by_partition(records, count).items():
            for batch, inside in _batches(producer, lot):
                sent.append((await producer.send_batch(batch, topic, partition=partition), inside))
        answers = await asyncio.gather(*(future for future, _ in sent), return_exceptions=True)
        return [(lot, answer) for (_, lot), answer in zip(sent, answers, strict=True) if isinstance(answer, BaseException)]


def by_partition(records: Sequence[Incoming], partitions: int) -> Mapping[int, Lot]:
    """The records of each partition they go to, in their order."""
    lots: defaultdict[int, Lot] = defaultdict(list)
    chosen = partitions_of([record.key or b"" for record in records], partitions)
    for record, partition in zip(records, chosen, strict=True):
        lots[partition if record.key is not None else record.partition].append(record)
    return lots


def _batches(producer: AIOKafkaProducer, lot: Lot) -> list[tuple[BatchBuilder, Lot]]:
    batches = list[tuple[BatchBuilder, Lot]]()
    plain = all(is_text(name) for record in lot for name, _ in record.headers)
    for record in lot:
        headers = list(record.headers) if plain else as_octets(record.headers)
        if not batches or not _append(batches[-1][0], record, headers):
            batch = producer.create_batch() if plain else AnyNameBatch(BATCH_BYTES)
            batches.append((batch, []))
            _append(batch, record, headers)
        batches[-1][1].append(record)
    return batches


def _append(batch: BatchBuilder, record: Incoming, headers: list[tuple[str, bytes | None]]) -> bool:
    """Whether there was room for it."""
    return batch.append(timestamp=None, key=record.key, value=record.value, headers=headers) is not None
