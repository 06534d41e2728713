"""Publishing what the manifest holds, whatever becomes of Kafka meanwhile."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from tests.faults.rig.manifest import Manifest, Record

LARGEST_REQUEST = 1024 * 1024
TRY_SECONDS = 15.0


class Sender:
    """Sends each record until the broker says yes. One whose answer is lost stands twice on its topic: one duplicate more."""

    def __init__(self, kafka: str, manifest: Manifest) -> None:
        self.kafka, self.manifest = kafka, manifest
        self._producer: AIOKafkaProducer | None = None
        self._one_at_a_time = asyncio.Lock()

    async def send(self, records: Sequence[Record]) -> None:
        """Returns when all of them are in Kafka, however long that takes."""
        async with self._one_at_a_time:
            left = list(records)
            while left:
                try:
                    async with asyncio.timeout(TRY_SECONDS):
                        left = await self._try(left)
                except (KafkaError, OSError, TimeoutError):
                    left = [record for record in left if record.serial not in self.manifest.sent]
                    await self._drop()
                    await asyncio.sleep(0.5)

    async def close(self) -> None:
        await self._drop()

    async def _try(self, records: Sequence[Record]) -> list[Record]:
        producer = await self._ready()
        futures = [
            await producer.send(
                record.topic, record.value, record.key, headers=record.all_headers(), timestamp_ms=record.timestamp_ms
            )
            for record in records
        ]
        failed = []
        for record, future in zip(records, futures, strict=True):
            try:
                await future
            except KafkaError:
                failed.append(record)
            else:
                self.manifest.sent[record.serial] = time.time()
                record.forget()
        return failed

    async def _ready(self) -> AIOKafkaProducer:
        if self._producer is None:
            producer = AIOKafkaProducer(
                bootstrap_servers=self.kafka,
                acks="all",
                max_request_size=LARGEST_REQUEST,
                request_timeout_ms=5_000,
                metadata_max_age_ms=1_000,
            )
            try:
                await producer.start()
            except BaseException:
                await producer.stop()
                raise
            self._producer = producer
        return self._producer

    async def _drop(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            with suppress(KafkaError, OSError, TimeoutError):
                async with asyncio.timeout(5):
                    await producer.stop()
