"""Topics as if nobody had ever used them, where their names cannot be a test's own."""

from __future__ import annotations

import asyncio

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import for_code

from events.topics import TOPICS, dlq
from streams.kafka import KafkaConfig
from streams.topics import ensure_topics, wanted_topics

GONE_SECONDS = 120.0


async def fresh_topics(kafka: KafkaConfig, partitions: int) -> None:
    """Every topic of Millrace, with nothing in it, and nothing known of what its groups had committed."""
    await _forget(kafka)
    await ensure_topics(kafka, wanted_topics(partitions))


async def _forget(kafka: KafkaConfig) -> None:
    """Deletes the topics, and with them what groups have committed; returns once nothing of it is left."""
    admin = AIOKafkaAdminClient(**kafka.client_arguments())
    await admin.start()
    try:
        async with asyncio.timeout(GONE_SECONDS):
            while names := await _left(admin):
                answer = await admin.delete_topics(names)
                for name, code in answer.topic_error_codes:
                    if code not in {0, 3}:  # 3: it is gone already
                        raise for_code(code)(name)
                await asyncio.sleep(0.05)
            while await _remembered(admin):  # noqa: ASYNC110 - brokers tell nobody
                await asyncio.sleep(0.05)
    finally:
        await admin.close()


async def _left(admin: AIOKafkaAdminClient) -> list[str]:
    ours = {name for topic in TOPICS for name in (topic.name, dlq(topic.name))}
    return sorted(ours & set(await admin.list_topics()))


async def _remembered(admin: AIOKafkaAdminClient) -> bool:
    groups = {f"millrace.{topic.flow}" for topic in TOPICS if topic.flow}
    return any([await admin.list_consumer_group_offsets(group) for group in sorted(groups)])
