"""Making the topics, with the partitions and the retention they are meant to have."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import TopicAlreadyExistsError, for_code

from events.topics import DLQ_PARTITIONS, TOPICS, dlq
from streams.kafka import KafkaConfig

RETENTION = "retention.ms"
# Between the controller's word that a topic is made and the brokers' knowing of it.
KNOWN_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class WantedTopic:
    """A topic as it should be made; `retention_ms` in milliseconds."""

    name: str
    partitions: int
    retention_ms: int


def wanted_topics(partitions: int | None = None, retention_ms: int | None = None) -> list[WantedTopic]:
    """Every topic of Millrace, each input topic with its dead-letter topic; the arguments replace the defaults."""
    wanted = []
    for topic in {topic.name: topic for topic in TOPICS}.values():
        kept = retention_ms or topic.retention_ms
        wanted.append(WantedTopic(topic.name, partitions or topic.partitions, kept))
        if topic.flow is not None:
            wanted.append(WantedTopic(dlq(topic.name), DLQ_PARTITIONS, kept))
    return wanted


@dataclass(frozen=True, slots=True)
class Difference:
    """A setting of a topic that exists and is not as it is wanted."""

    topic: str
    setting: str
    found: int
    wanted: int


async def ensure_topics(kafka: KafkaConfig, wanted: Iterable[WantedTopic], *, replication: int = -1) -> list[str]:
    """Makes the topics that are missing and returns their names, once they can be used; those that exist are left alone.

    `replication` -1 is the cluster's own default. Raises KafkaError, and TimeoutError when a topic was made but is not
    known to the brokers within KNOWN_SECONDS.
    """
    async with _admin(kafka) as admin:
        existing = set(await admin.list_topics())
        missing = [topic for topic in wanted if topic.name not in existing]
        if not missing:
            return []
        answer = await admin.create_topics([_new(topic, replication) for topic in missing])
        made = _made(answer.topic_errors)
        async with asyncio.timeout(KNOWN_SECONDS):
            while not await _are_known(admin, [topic.name for topic in missing]):  # noqa: ASYNC110 - brokers tell nobody
                await asyncio.sleep(0.05)
    return made


def _made(topic_errors: Iterable[Sequence[Any]]) -> list[str]:
    """The names of the topics that were made; another client may have been quicker with some."""
    made = []
    for name, code, *detail in topic_errors:
        if code == 0:
            made.append(name)
        elif for_code(code) is not TopicAlreadyExistsError:
            raise for_code(code)(f"topic {name}: {detail[0] if detail else 'refused'}")
    return made


async def _are_known(admin: AIOKafkaAdminClient, names: Sequence[str]) -> bool:
    """Whether the brokers know each of the topics, and a leader for each of its partitions."""
    described = await admin.describe_topics(list(names))
    ready = {
        topic["topic"]
        for topic in described
        if topic["error_code"] == 0
        and topic["partitions"]
        and all(partition["error_code"] == 0 for partition in topic["partitions"])
    }
    return ready >= set(names)


async def missing_topics(kafka: KafkaConfig, wanted: Iterable[WantedTopic]) -> list[str]:
    """The names of those that do not exist. Raises KafkaError."""
    async with _admin(kafka) as admin:
        existing = set(await admin.list_topics())
    return [topic.name for topic in wanted if topic.name not in existing]


async def differences(kafka: KafkaConfig, wanted: Sequence[WantedTopic]) -> list[Difference]:
    """Where topics have other partitions or another retention than wanted.

    Nothing is changed: more partitions move keys to others, and less retention deletes. Raises KafkaError.
    """
    async with _admin(kafka) as admin:
        described = await admin.describe_topics([topic.name for topic in wanted])
        answers = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic.name) for topic in wanted])
    partitions = {each["topic"]: len(each["partitions"]) for each in described}
    kept = {
        name: int(value)
        for answer in answers
        for _, _, _, name, settings in answer.resources
        for setting, value, *_ in settings
        if setting == RETENTION
    }
    found = [
        Difference(topic.name, setting, having[topic.name], want)
        for topic in wanted
        for setting, having, want in (
            ("partitions", partitions, topic.partitions),
            (RETENTION, kept, topic.retention_ms),
        )
        if having.get(topic.name, want) != want
    ]
    return sorted(found, key=lambda each: (each.topic, each.setting))


@asynccontextmanager
async def _admin(kafka: KafkaConfig) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(**kafka.client_arguments())
    try:
        await admin.start()
        yield admin
    finally:
        await admin.close()


def _new(topic: WantedTopic, replication: int) -> NewTopic:
    settings = {RETENTION: str(topic.retention_ms)}
    # aiokafka takes the cluster's default only with assignments that are empty rather than absent.
    assignments = None if replication > 0 else dict[int, list[int]]()
    return NewTopic(topic.name, topic.partitions, replication, assignments, topic_configs=settings)
