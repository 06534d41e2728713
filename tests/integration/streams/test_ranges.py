"""A range is read to its end over whatever lies in it, and stops where Kafka has deleted what is to be read."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from events.failures import Outage
from streams.kafka import KafkaConfig
from streams.ranges import Range, RangeReader, RecordsDeleted, offsets_at, places
from streams.read import Incoming
from streams.topics import WantedTopic, ensure_topics
from tests.support.rig import eventually


@pytest.fixture
async def topic(kafka: str, topic_prefix: str) -> str:
    name = f"{topic_prefix}events"
    await ensure_topics(KafkaConfig(kafka), [WantedTopic(name, 2, 3_600_000)])
    return name


async def publish(kafka: str, topic: str, number: int, partition: int = 0, times: Mapping[int, datetime] | None = None) -> None:
    async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:
        for each in range(number):
            at = (times or {}).get(each)
            await producer.send_and_wait(
                topic, b"%d" % each, partition=partition, timestamp_ms=at and int(at.timestamp() * 1000)
            )


async def transaction(kafka: str, topic: str, number: int, *, commit: bool) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=kafka, transactional_id=f"{topic}-{number}-{commit}")
    async with producer:
        await producer.begin_transaction()
        for each in range(number):
            await producer.send_and_wait(topic, b"t%d" % each, partition=0)
        await (producer.commit_transaction() if commit else producer.abort_transaction())


async def delete_before(kafka: str, topic: str, offset: int) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        await admin.delete_records({TopicPartition(topic, 0): RecordsToDelete(before_offset=offset)})
    finally:
        await admin.close()


async def read_all(kafka: str, topic: str, ranges: Mapping[int, Range], limit: int = 100) -> list[Incoming]:
    reader, found = RangeReader(KafkaConfig(kafka), topic, ranges), list[Incoming]()
    try:
        while reader.left:
            some = await reader.some(limit)
            assert len(some) <= limit
            found += some
    finally:
        await reader.close()
    return found


async def some(reader: RangeReader, limit: int) -> list[Incoming]:
    """The next records, however long the first of them takes; none when none is left."""
    found: list[Incoming] = []
    while reader.left and not found:
        found = await reader.some(limit)
    return found


async def end(kafka: str, topic: str) -> int:
    """Where what is committed of the first partition ends."""
    [place, _] = await places(KafkaConfig(kafka), topic, "nobody")
    return place.end


async def test_a_range_holds_its_first_and_not_its_end_in_each_partition(kafka: str, topic: str) -> None:
    for partition in (0, 1):
        await publish(kafka, topic, 20, partition)
    found = await read_all(kafka, topic, {0: Range(3, 17), 1: Range(19, 20)}, limit=4)
    assert [each.offset for each in found if each.partition == 0] == list(range(3, 17))
    assert [each.offset for each in found if each.partition == 1] == [19]


async def test_records_that_come_meanwhile_are_not_read(kafka: str, topic: str) -> None:
    await publish(kafka, topic, 5)
    reader = RangeReader(KafkaConfig(kafka), topic, {0: Range(0, 5)})
    found = await some(reader, 2)
    await publish(kafka, topic, 5)
    while reader.left:
        found += await reader.some(100)
    found += await reader.some(100)
    await reader.close()
    assert [each.offset for each in found] == list(range(5))


async def test_a_range_that_ends_in_a_gap_ends(kafka: str, topic: str) -> None:
    await publish(kafka, topic, 2)
    await transaction(kafka, topic, 3, commit=False)
    await transaction(kafka, topic, 2, commit=True)
    await transaction(kafka, topic, 4, commit=False)
    # Kafka says that a transaction has ended before it marks that in the topic.
    await eventually(lambda: end(kafka, topic), 14)
    found = await read_all(kafka, topic, {0: Range(0, 14)})
    assert [each.value for each in found] == [b"0", b"1", b"t0", b"t1"]
    assert await read_all(kafka, topic, {0: Range(9, 14)}) == []


async def test_what_is_not_committed_is_not_part_of_any_range(kafka: str, topic: str) -> None:
    await publish(kafka, topic, 2)
    producer = AIOKafkaProducer(bootstrap_servers=kafka, transactional_id=topic)
    async with producer:
        await producer.begin_transaction()
        await producer.send_and_wait(topic, b"open", partition=0)
        before = await end(kafka, topic)
        await producer.abort_transaction()
    assert before == 2


async def test_a_reader_that_was_closed_goes_on_where_it_was(kafka: str, topic: str) -> None:
    await publish(kafka, topic, 10)
    reader = RangeReader(KafkaConfig(kafka), topic, {0: Range(0, 10)})
    found = await some(reader, 3)
    await reader.close()
    while reader.left:
        found += await reader.some(3)
    await reader.close()
    assert [each.offset for each in found] == list(range(10))


async def test_records_that_were_deleted_are_told_and_not_leapt_over(kafka: str, topic: str) -> None:
    await publish(kafka, topic, 10)
    await delete_before(kafka, topic, 6)
    with pytest.raises(RecordsDeleted) as caught:
        await read_all(kafka, topic, {0: Range(2, 10)})
    assert (caught.value.partition, caught.value.offset, caught.value.start) == (0, 2, 6)
    assert len(await read_all(kafka, topic, {0: Range(6, 10)})) == 4


async def test_a_kafka_that_is_away_is_an_outage(topic: str) -> None:
    reader = RangeReader(KafkaConfig("127.0.0.1:1", request_timeout=0.5), topic, {0: Range(0, 1)})
    with pytest.raises(Outage):
        await reader.some(1)
    assert reader.left == {0: Range(0, 1)}


async def test_a_time_is_the_offset_of_the_first_record_from_then_on(kafka: str, topic: str) -> None:
    now = datetime.fromtimestamp(int(time.time()), UTC)
    times = {each: now - timedelta(minutes=10 - each) for each in range(5)}
    await publish(kafka, topic, 5, times=times)
    config = KafkaConfig(kafka)
    assert await offsets_at(config, topic, [0, 1], times[2]) == {0: 2, 1: None}
    assert await offsets_at(config, topic, [0], times[2] + timedelta(milliseconds=1)) == {0: 3}
    assert await offsets_at(config, topic, [0], now) == {0: None}
    assert await offsets_at(config, topic, [0], now - timedelta(days=1)) == {0: 0}
