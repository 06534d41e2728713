"""How far a group is behind, as Kafka itself tells it."""

from __future__ import annotations

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.errors import UnknownTopicOrPartitionError

from streams.kafka import KafkaConfig
from streams.lag import PartitionLag, partition_lags
from streams.publish import Outgoing, publish
from streams.topics import WantedTopic, ensure_topics, missing_topics


async def made(kafka: KafkaConfig, prefix: str, records: int) -> str:
    """A topic of two partitions; all records lie on one of them."""
    topic = WantedTopic(f"{prefix}events", 2, 3_600_000)
    assert await missing_topics(kafka, [topic]) == [topic.name]
    await ensure_topics(kafka, [topic])
    assert await missing_topics(kafka, [topic]) == []
    await publish(kafka, [Outgoing(topic.name, b"key", b"value")] * records)
    return topic.name


async def commit(kafka: KafkaConfig, group: str, place: TopicPartition, offset: int) -> None:
    consumer = AIOKafkaConsumer(**kafka.client_arguments(), group_id=group, enable_auto_commit=False)
    await consumer.start()
    try:
        consumer.assign([place])
        await consumer.commit({place: offset})
    finally:
        await consumer.stop()


async def test_a_group_is_behind_by_what_it_has_not_committed(kafka: str, topic_prefix: str) -> None:
    config = KafkaConfig(kafka)
    topic, group = await made(config, topic_prefix, 5), f"{topic_prefix}group"
    before = (await partition_lags(config, {group: topic}))[group]
    assert [each.partition for each in before] == [0, 1]
    assert sum(each.lag for each in before) == 5
    used = next(each for each in before if each.end)
    assert (used.committed, used.start, used.end, used.lag) == (None, 0, 5, 5)

    await commit(config, group, TopicPartition(topic, used.partition), 3)
    after = (await partition_lags(config, {group: topic}))[group]
    assert [each.partition for each in after] == [0, 1]
    assert after[used.partition] == PartitionLag(topic, used.partition, 3, 0, 5)
    assert [each.lag for each in after if each.partition != used.partition] == [0]


async def test_records_that_were_deleted_unread_are_lost_and_no_lag(kafka: str, topic_prefix: str) -> None:
    config = KafkaConfig(kafka)
    topic, group = await made(config, topic_prefix, 5), f"{topic_prefix}group"
    used = next(each for each in (await partition_lags(config, {group: topic}))[group] if each.end)
    place = TopicPartition(topic, used.partition)
    await commit(config, group, place, 1)
    admin = AIOKafkaAdminClient(**config.client_arguments())
    await admin.start()
    try:
        await admin.delete_records({place: RecordsToDelete(before_offset=4)})
    finally:
        await admin.close()
    found = (await partition_lags(config, {group: topic}))[group][used.partition]
    assert (found.start, found.lag, found.lost) == (4, 1, 3)


async def test_a_topic_that_is_missing_is_named(kafka: str, topic_prefix: str) -> None:
    with pytest.raises(UnknownTopicOrPartitionError, match=f"{topic_prefix}nothing"):
        await partition_lags(KafkaConfig(kafka), {"group": f"{topic_prefix}nothing"})
