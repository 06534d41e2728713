"""From settings to the values and stores that each part of Millrace is given."""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import urlsplit

from handlers.audit.settings import AuditSettings
from handlers.embed.model import Limits
from handlers.embed.parsing import ParserPool
from handlers.embed.settings import DocumentSettings
from handlers.flow import FLOWS, FlowSpec
from handlers.llm import Llm, LlmConfig, Prices, priced
from handlers.llm.config import STAND_IN
from handlers.parsed import Parsed
from handlers.resources import Resources
from millrace.failures import WrongSetting
from millrace.settings import Settings
from storage.database import Database
from storage.idempotency import ANSWER_SECONDS, IdempotencyKeys
from storage.objects import ObjectStore
from streams.backoff import Backoff
from streams.config import ConsumerLimits, EngineConfig, LaneLimits
from streams.decisions import RetryPolicy
from streams.kafka import KafkaConfig
from streams.limits import FailurePolicy
from streams.progress import ProgressPolicy
from streams.pruning import INBOX, RUN_HISTORY

OPENAI = "api.openai.com"


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
            decode_bytes=settings.decode_bytes,
            group_records=settings.group_records,
            group_bytes=settings.group_bytes,
            linger=settings.group_linger_milliseconds / 1000,
            committers=settings.committers,
            client_share=settings.client_share,
            patience=settings.patience_seconds,
            drain=settings.drain_seconds,
            failures=FailurePolicy(
                run=settings.failure_run,
                alone=settings.failure_run_alone,
                ratio=settings.failure_ratio,
                window=settings.failure_window,
                share=settings.failure_client_share,
            ),
        ),
        consumer=ConsumerLimits(
            fetch_records=settings.fetch_records,
            fetch_bytes=settings.fetch_bytes,
            session_timeout=settings.session_timeout_seconds,
            max_poll_interval=settings.max_poll_interval_seconds,
        ),
        retry=RetryPolicy(
            max_attempts=settings.retry_attempts,
            backoff=Backoff(base=settings.retry_base_seconds, cap=settings.retry_cap_seconds),
        ),
        progress=ProgressPolicy(stall=settings.stall_seconds, out=settings.consumer_lost_seconds),
        inbox=replace(INBOX, days=settings.inbox_days),
        history=replace(RUN_HISTORY, days=settings.run_history_days),
        lease=settings.lease_seconds,
    )


def database_of(settings: Settings) -> Database:
    """The pool of connections to PostgreSQL."""
    return Database(settings.need("database_url"), pool_size=settings.database_pool_size, application_name="millrace-worker")


def keys_of(settings: Settings, timeout: float = ANSWER_SECONDS) -> IdempotencyKeys:
    """The idempotency keys in Redis, which has `timeout` seconds for each answer."""
    return IdempotencyKeys(settings.need("redis_url"), days=settings.redis_mark_days, timeout=timeout)


def resources_of(settings: Settings, database: Database, flows: Sequence[FlowSpec]) -> Resources:
    """What these flows are built from. Raises WrongSetting for what one of them needs and is not set."""
    asking = [flow.name for flow in flows if "openai" in flow.needs]
    return Resources(
        database,
        objects_of(settings),
        settings.object_max_bytes,
        settings.run_slice_cells,
        worker=f"{socket.gethostname()}:{os.getpid()}",
        parsed=Parsed(settings.parsed_bytes),
        llm=_llm_for(asking, settings, database) if asking else None,
        parsers=ParserPool(settings.parser_processes) if "documents" in asking else None,
        documents=DocumentSettings(
            settings.embedding_model,
            limits=Limits(content_bytes=settings.document_max_bytes),
            work_bytes=settings.document_work_bytes,
        ),
        audits=AuditSettings(
            settings.audit_model,
            settings.evidence_tokens,
            settings.audit_output_tokens,
            settings.evidence_wait_seconds,
        ),
    )


def llm_of(settings: Settings, database: Database) -> Llm:
    """The client of OpenAI. Raises WrongSetting where there is no key, or no price of a model."""
    key, base_url = settings.need("openai_api_key"), settings.openai_base_url
    config = LlmConfig(
        api_key=key,
        base_url=base_url,
        provider=provider_of(key, base_url),
        concurrency=settings.openai_concurrency,
        tries=settings.openai_tries,
        embeddings_seconds=settings.embedding_timeout_seconds,
        responses_seconds=settings.audit_timeout_seconds,
    )
    return Llm(config, database, prices_of(settings))


def provider_of(key: str, base_url: str | None) -> str:
    """Who answers: the host of the base URL, or the stand-in, whose key is the word itself and opens nothing else."""
    return STAND_IN if key == STAND_IN else urlsplit(base_url or OPENAI).hostname or OPENAI


def prices_of(settings: Settings) -> Prices:
    """What tokens cost. Raises WrongSetting for a model whose price is neither known nor set."""
    try:
        embedding = priced(settings.embedding_model, input_usd=settings.embedding_usd_per_million, output_usd=0)
        audit = priced(
            settings.audit_model,
            input_usd=settings.audit_input_usd_per_million,
            cached_usd=settings.audit_cached_usd_per_million,
            output_usd=settings.audit_output_usd_per_million,
        )
    except ValueError as error:
        raise WrongSetting(f"{error}, with EMBEDDING_USD_PER_MILLION or AUDIT_…_USD_PER_MILLION") from None
    return Prices({settings.embedding_model: embedding, settings.audit_model: audit})


def _llm_for(asking: Sequence[str], settings: Settings, database: Database) -> Llm:
    try:
        return llm_of(settings, database)
    except WrongSetting as wrong:
        raise WrongSetting(f"{wrong} (for {' and '.join(asking)}; without it: millrace worker --flows runs,slices)") from None


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
