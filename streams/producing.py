"""One idempotent producer, and a new one when it has been broken by an outage."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, KafkaTimeoutError

from streams.kafka import KafkaConfig

BATCH_BYTES = 256 * 1024
LARGEST_REQUEST = 1024 * 1024


class ProducerOwner:
    """Owns the producer, and makes a new one when the old one has been broken by an outage."""

    def __init__(self, kafka: KafkaConfig, *, timeout: float = 15.0) -> None:
        self.kafka, self.timeout = kafka, timeout
        self._producer: AIOKafkaProducer | None = None
        self._starting = asyncio.Lock()
        self._retiring: set[asyncio.Task[None]] = set()

    async def ping(self) -> None:
        """Raises while Kafka does not answer."""
        producer = await self._ready()
        await producer.client.fetch_all_metadata()

    async def close(self) -> None:
        if self._producer is not None:
            self._retire(self._producer)
        await asyncio.gather(*self._retiring, return_exceptions=True)

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
