"""From settings to the values and stores that each part of Millrace is given."""

from __future__ import annotations

import os
from collections.abc import Sequence

from handlers.flow import FLOWS, FlowSpec
from handlers.resources import Resources
from millrace.failures import WrongSetting
from millrace.settings import Settings
from storage.database import Database
from storage.idempotency import IdempotencyKeys
from storage.objects import ObjectStore
from streams.backoff import Backoff
from streams.config import ConsumerLimits, EngineConfig, LaneLimits
from streams.decisions import RetryPolicy
from streams.kafka import KafkaConfig


def kafka_config(settings: Settings) -> KafkaConfig:
    """How Kafka is reached. Raises WrongSetting where no address is set."""
    password = settings.kafka_sasl_password
    return KafkaConfig(
        bootstrap_servers=settings.need("kafka_bootstrap_servers"),
        security_protocol=settings.kafka_security_protocol,
        sasl_mechanism=settings.kafka_sasl_mechanism,
        sasl_username=settings.kafka_sasl_username,
        sasl_password=password.get_secret_value() if password else None,
        ssl_cafile=settings.kafka_ssl_cafile,
    )


def engine_config(settings: Settings) -> EngineConfig:
    """The bounds and intervals of the engine."""
    return EngineConfig(
        lane=LaneLimits(
            queue_records=settings.queue_records,
            queue_bytes=settings.queue_bytes,
            decode_records=settings.decode_records,
            group_records=settings.group_records,
            group_bytes=settings.group_bytes,
            linger=settings.group_linger_milliseconds / 1000,
            committers=settings.committers,
            patience=settings.patience_seconds,
            drain=settings.drain_seconds,
        ),
        consumer=ConsumerLimits(
            fetch_records=settings.fetch_records,
            fetch_bytes=settings.fetch_bytes,
            poll_milliseconds=settings.poll_milliseconds,
            session_timeout=settings.session_timeout_seconds,
            max_poll_interval=settings.max_poll_interval_seconds,
        ),
        retry=RetryPolicy(
            max_attempts=settings.retry_attempts,
            backoff=Backoff(base=settings.retry_base_seconds, cap=settings.retry_cap_seconds),
        ),
    )


def database_of(settings: Settings) -> Database:
    """The pool of connections to PostgreSQL."""
    return Database(settings.need("database_url"), pool_size=settings.database_pool_size, application_name="millrace-worker")


def keys_of(settings: Settings) -> IdempotencyKeys:
    """The idempotency keys in Redis."""
    return IdempotencyKeys(settings.need("redis_url"), days=settings.redis_mark_days)


def resources_of(settings: Settings, database: Database) -> Resources:
    """What flows are built from."""
    return Resources(database, objects_of(settings), settings.object_max_bytes, settings.run_slice_cells)


def objects_of(settings: Settings) -> ObjectStore:
    """The object store; S3's credentials and region are taken from AWS's own variables."""
    return ObjectStore(settings.need("object_store_url"), aws_variables())


def aws_variables() -> dict[str, str]:
    """The variables that AWS's own tools know by these names."""
    return {name: value for name, value in os.environ.items() if name.startswith("AWS_")}


def chosen_flows(names: Sequence[str]) -> tuple[FlowSpec, ...]:
    """The flows of those names, or all where none is named. Raises WrongSetting for a name that is no flow's."""
    known = {flow.name: flow for flow in FLOWS}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise WrongSetting(f"--flows: there is no flow {unknown[0]!r}, but {', '.join(known)}")
    return tuple(known[name] for name in dict.fromkeys(names)) or FLOWS
