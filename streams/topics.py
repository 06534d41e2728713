"""Making the topics, with the partitions and the retention they are meant to have."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import TopicAlreadyExistsError, for_code

from events.topics import DLQ_PARTITIONS, TOPICS, dlq
from streams.kafka import KafkaConfig


@dataclass(frozen=True, slots=True)
class WantedTopic:
    """A topic as it should be made; `retention_ms` in milliseconds."""

    name: str
    partitions: int
    retention_ms: int


def wanted_topics(partitions: int | None = None, retention_ms: int | None = None) -> list[WantedTopic]:
    """Every topic of Millrace, each input topic with its dead-letter topic; the arguments replace the defaults."""
    wanted = []
    for topic in TOPICS:
        kept = retention_ms or topic.retention_ms
        wanted.append(WantedTopic(topic.name, partitions or topic.partitions, kept))
        if topic.flow is not None:
            wanted.append(WantedTopic(dlq(topic.name), DLQ_PARTITIONS, kept))
    return wanted


async def ensure_topics(kafka: KafkaConfig, wanted: Iterable[WantedTopic], *, replication: int = -1) -> list[str]:
    """Makes the topics that are missing and returns their names; those that exist are left as they are.

    `replication` -1 is the cluster's own default. Raises KafkaError.
    """
    admin = AIOKafkaAdminClient(**kafka.client_arguments())
    try:
        await admin.start()
        existing = set(await admin.list_topics())
        missing = [topic for topic in wanted if topic.name not in existing]
        if not missing:
            return []
        answer = await admin.create_topics([_new(topic, replication) for topic in missing])
    finally:
        await admin.close()
    made = []
    for name, code, *detail in answer.topic_errors:
        if code == 0:
            made.append(name)
        elif for_code(code) is not TopicAlreadyExistsError:
            raise for_code(code)(f"topic {name}: {detail[0] if detail else 'refused'}")
    return made


def _new(topic: WantedTopic, replication: int) -> NewTopic:
    settings = {"retention.ms": str(topic.retention_ms)}
    # aiokafka takes the cluster's default only with assignments that are empty rather than absent.
    assignments = None if replication > 0 else dict[int, list[int]]()
    return NewTopic(topic.name, topic.partitions, replication, assignments, topic_configs=settings)
