"""Topics are made as they should be, and told about when they are not."""

from __future__ import annotations

from streams.kafka import KafkaConfig
from streams.topics import Difference, WantedTopic, differences, ensure_topics, wanted_topics


async def test_missing_topics_are_made_and_others_left_alone(kafka: str, topic_prefix: str) -> None:
    config = KafkaConfig(kafka)
    first = WantedTopic(f"{topic_prefix}a", 3, 3_600_000)
    second = WantedTopic(f"{topic_prefix}b", 1, 7_200_000)
    assert await ensure_topics(config, [first]) == [first.name]
    assert await ensure_topics(config, [first, second]) == [second.name]
    assert await differences(config, [first, second]) == []

    other = WantedTopic(first.name, 6, 1_000)
    assert await ensure_topics(config, [other]) == []
    assert await differences(config, [other, second]) == [
        Difference(first.name, "partitions", 3, 6),
        Difference(first.name, "retention.ms", 3_600_000, 1_000),
    ]


def test_every_input_topic_has_a_topic_for_its_dead_letters() -> None:
    names = [topic.name for topic in wanted_topics()]
    assert {"runs.requested", "runs.requested.dlq", "runs.completed"} <= set(names)
    assert "runs.completed.dlq" not in names
    assert {topic.retention_ms for topic in wanted_topics()} == {14 * 24 * 3_600_000}
    assert {topic.partitions for topic in wanted_topics(partitions=5) if not topic.name.endswith(".dlq")} == {5}
