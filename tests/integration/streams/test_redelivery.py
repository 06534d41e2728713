"""Records go out once more as they were, each to the partition where it belongs."""

from __future__ import annotations

import time

import pytest
from aiokafka import AIOKafkaProducer

from streams.kafka import KafkaConfig
from streams.partitioner import partitions_of
from streams.ranges import Range, RangeReader, places
from streams.read import Incoming
from streams.redelivery import Redeliverer, by_partition
from streams.topics import WantedTopic, ensure_topics

PARTITIONS = 4


@pytest.fixture
async def topic(kafka: str, topic_prefix: str) -> str:
    name = f"{topic_prefix}events"
    await ensure_topics(KafkaConfig(kafka), [WantedTopic(name, PARTITIONS, 3_600_000)])
    return name


def record(topic: str, value: bytes | None, key: bytes | None = b"key", partition: int = 0, **given: object) -> Incoming:
    told: dict[str, object] = {"offset": 0, "timestamp": 1, "headers": ()} | given
    return Incoming(topic=topic, partition=partition, key=key, value=value, **told)  # type: ignore[arg-type]


async def read_all(kafka: str, topic: str) -> list[Incoming]:
    config = KafkaConfig(kafka)
    ends = {each.partition: Range(each.start, each.end) for each in await places(config, topic, "nobody")}
    reader, found = RangeReader(config, topic, ends), list[Incoming]()
    while reader.left:
        found += await reader.some(1000)
    await reader.close()
    return found


async def redeliver(kafka: str, records: list[Incoming]) -> list[tuple[Incoming, str]]:
    redeliverer = Redeliverer(KafkaConfig(kafka), timeout=120.0)
    try:
        return list(await redeliverer.publish(records))
    finally:
        await redeliverer.close()


async def test_key_value_and_headers_are_as_they_were_and_the_time_is_now(kafka: str, topic: str) -> None:
    odd = [("null", None), ("twice", b"\xff"), ("twice", b""), ("", b"no name"), ("not\udcff\udcfetext", b"1"), ("é", None)]
    before = int(time.time() * 1000) - 1000
    sent = [record(topic, b"\x00\xff", b"\xffkey", headers=odd), record(topic, None), record(topic, b"", b"")]
    sent += [record(topic, b"v", headers=[("plain", b"x")]), record(topic, None, None)]

    assert await redeliver(kafka, sent) == []

    found = await read_all(kafka, topic)
    shape = [(each.key, each.value, list(each.headers)) for each in found]
    assert sorted(shape, key=repr) == sorted([(each.key, each.value, list(each.headers)) for each in sent], key=repr)
    assert all(each.timestamp > before for each in found)


async def test_a_key_goes_to_its_partition_and_no_key_to_the_one_it_came_from(kafka: str, topic: str) -> None:
    keys = [b"key-%d" % each for each in range(20)]
    async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:
        default = {key: (await producer.send_and_wait(topic, b"first", key)).partition for key in keys}
    keyed = [record(topic, b"second", key, partition=(default[key] + 1) % PARTITIONS) for key in keys]
    unkeyed = [record(topic, b"second", None, partition=each) for each in range(PARTITIONS)]

    await redeliver(kafka, keyed + unkeyed)

    found = [each for each in await read_all(kafka, topic) if each.value == b"second"]
    assert {each.key: each.partition for each in found if each.key is not None} == default
    assert sorted(each.partition for each in found if each.key is None) == list(range(PARTITIONS))


async def test_many_large_records_keep_their_order_in_a_partition(kafka: str, topic: str) -> None:
    values = [b"%06d" % each + b"x" * (40_000 if each % 50 else 900_000) for each in range(200)]
    assert await redeliver(kafka, [record(topic, value) for value in values]) == []
    found = await read_all(kafka, topic)
    assert [(each.value or b"")[:6] for each in found] == [value[:6] for value in values]


async def test_one_record_that_kafka_refuses_does_not_keep_the_others_back(kafka: str, topic: str) -> None:
    sent = [record(topic, b"before"), record(topic, b"x" * 1_100_000), record(topic, b"after")]
    [(refused, reason)] = await redeliver(kafka, sent)
    assert refused is sent[1]
    assert "TooLarge" in reason
    assert [each.value for each in await read_all(kafka, topic)] == [b"before", b"after"]


def test_records_of_a_partition_stay_in_order() -> None:
    keys = [b"%d" % (each % 7) for each in range(50)]
    records = [record("t", b"%d" % each, key) for each, key in enumerate(keys)]
    lots = by_partition(records, 3)
    assert {partition: [int(each.value or b"") for each in lot] for partition, lot in lots.items()} == {
        partition: [each for each, at in enumerate(partitions_of(keys, 3)) if at == partition] for partition in lots
    }
