"""A row that Kafka refuses stands alone, wherever it lies among the others."""

from __future__ import annotations

from uuid import uuid4

import pytest

from storage.outbox import OutboxRow
from streams.kafka import KafkaConfig
from streams.publisher import Publisher
from streams.read import reader
from streams.topics import WantedTopic, ensure_topics

LARGE = b"x" * 1_100_000


@pytest.mark.parametrize("place", [0, 1, 2])
async def test_a_refused_row_does_not_keep_back_those_behind_it(kafka: str, topic_prefix: str, place: int) -> None:
    topic = f"{topic_prefix}events"
    await ensure_topics(KafkaConfig(kafka), [WantedTopic(topic, 1, 3_600_000)])
    values = [b"one", b"two"]
    values.insert(place, LARGE)
    rows = [OutboxRow(uuid4(), "notes", "acme", topic, b"key", value, None, uuid4()) for value in values]

    publisher = Publisher(KafkaConfig(kafka), timeout=120.0)
    try:
        arrived, refused = await publisher.publish(rows)
    finally:
        await publisher.close()

    assert [each.row.value for each in refused] == [LARGE]
    assert {row.id for row in arrived} == {row.id for row in rows if row.value != LARGE}
    found = list[bytes | None]()
    async with reader(KafkaConfig(kafka), [topic], from_start=True) as records:
        async for record in records.records():
            found.append(record.value)
            if len(found) == 2:
                break
    assert found == [b"one", b"two"]
