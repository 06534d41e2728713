"""How far a consumer group has come, as Kafka has it."""

from __future__ import annotations

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from streams.kafka import KafkaConfig


async def remaining(kafka: KafkaConfig, group: str, topic: str) -> int:
    """The records of a topic beyond the offsets that the group has committed."""
    consumer = AIOKafkaConsumer(**kafka.client_arguments())
    admin = AIOKafkaAdminClient(**kafka.client_arguments())
    try:
        await consumer.start()
        await admin.start()
        numbers = (await admin.describe_topics([topic]))[0]["partitions"]
        partitions = [TopicPartition(topic, each["partition"]) for each in numbers]
        ends = await consumer.end_offsets(partitions)
        committed = await admin.list_consumer_group_offsets(group)
        return sum(end - (committed[key].offset if key in committed else 0) for key, end in ends.items())
    finally:
        await admin.close()
        await consumer.stop()
