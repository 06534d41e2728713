"""How far consumer groups are behind what their topics hold, asked from outside a worker and without effect on one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import for_code

from streams.kafka import KafkaConfig


class PartitionLag(NamedTuple):
    """Where a group stands in one partition.

    `start` and `end` are the offsets of the first record that Kafka still has and of the next one to come; `committed` is
    where the group goes on, None before its first commit.
    """

    topic: str
    partition: int
    committed: int | None
    start: int
    end: int

    @property
    def lag(self) -> int:
        """Records that are still to be finished, as far as Kafka has them."""
        return self.end - max(self.start, self.committed or 0)

    @property
    def lost(self) -> int:
        """Records that Kafka deleted before the group finished them."""
        return max(0, self.start - self.committed) if self.committed is not None else 0


async def partition_lags(kafka: KafkaConfig, topics: Mapping[str, str]) -> dict[str, list[PartitionLag]]:
    """For each group the partitions of its topic, in order; `topics` names the topic of each group.

    Raises UnknownTopicOrPartitionError naming a topic that does not exist, and KafkaError.
    """
    async with _clients(kafka) as (admin, consumer):
        places = await _partitions(admin, topics.values())
        found = {}
        for group, topic in topics.items():
            committed = await admin.list_consumer_group_offsets(group, partitions=places[topic])
            starts = await consumer.beginning_offsets(places[topic])
            ends = await consumer.end_offsets(places[topic])
            found[group] = [
                PartitionLag(topic, place.partition, _offset(committed.get(place)), starts[place], ends[place])
                for place in places[topic]
            ]
    return found


async def _partitions(admin: AIOKafkaAdminClient, topics: Iterable[str]) -> dict[str, list[TopicPartition]]:
    described = await admin.describe_topics(sorted(set(topics)))
    for topic in described:
        if topic["error_code"]:
            raise for_code(topic["error_code"])(topic["topic"])
    return {
        topic["topic"]: [
            TopicPartition(topic["topic"], number) for number in sorted(each["partition"] for each in topic["partitions"])
        ]
        for topic in described
    }


def _offset(committed: Any) -> int | None:
    # Kafka says -1 where nothing has been committed.
    return committed.offset if committed is not None and committed.offset >= 0 else None


@asynccontextmanager
async def _clients(kafka: KafkaConfig) -> AsyncIterator[tuple[AIOKafkaAdminClient, AIOKafkaConsumer]]:
    admin = AIOKafkaAdminClient(**kafka.client_arguments())
    consumer = AIOKafkaConsumer(**kafka.client_arguments(), enable_auto_commit=False)
    try:
        await admin.start()
        await consumer.start()
        yield admin, consumer
    finally:
        await consumer.stop()
        await admin.close()
