"""Every setting: its name in the environment is the field's, in capitals.

The environment wins over a `.env` file in the working directory. Secrets, and only they, may come as `NAME_FILE`
too: the path of a file that holds the value. `docs/configuration.md` and `.env.example` are written from here.
"""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from millrace.environment import (
    CertificatesFile,
    DatabaseUrl,
    HostPorts,
    HttpUrl,
    NameFileSource,
    ObjectStoreUrl,
    RedisUrl,
    SentryDsn,
    explain,
)
from millrace.failures import WrongSetting

MIB = 1024 * 1024


def text(default: Any, section: str, description: str) -> Any:
    """A setting that is words rather than a number."""
    return Field(default=default, description=description, json_schema_extra={"section": section})


def knob(default: float, low: float, high: float, unit: str, section: str, description: str) -> Any:
    """A number with a unit and bounds, both ends allowed."""
    extra: Any = {"section": section, "unit": unit}
    return Field(default=default, ge=low, le=high, description=description, json_schema_extra=extra)


def price(description: str) -> Any:
    """A price that replaces the known one."""
    extra: Any = {"section": "OpenAI", "unit": "US dollars"}
    told = f"{description}; the known price by default"
    return Field(default=None, ge=0, le=10_000, description=told, json_schema_extra=extra)


class Settings(BaseSettings):
    """What the environment says, checked; read once, then handed down as values."""

    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", env_ignore_empty=True, env_file_encoding="utf-8", hide_input_in_errors=True
    )

    database_url: DatabaseUrl | None = text(None, "Servers", "PostgreSQL: `postgresql://user:password@host:5432/database`")
    migrations_database_url: DatabaseUrl | None = text(
        None, "Servers", "PostgreSQL as the role that may change tables; `DATABASE_URL` where it is not set"
    )
    redis_url: RedisUrl | None = text(None, "Servers", "Redis: `redis://:password@host:6379/0`")
    kafka_bootstrap_servers: HostPorts | None = text(None, "Servers", "Kafka: `host:9092`, several joined by commas")
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = text(
        "PLAINTEXT", "Servers", "How Kafka is spoken to"
    )
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = text(
        "SCRAM-SHA-512", "Servers", "How Kafka checks the password; only with a SASL protocol"
    )
    kafka_sasl_username: str | None = text(None, "Servers", "Kafka user; only with a SASL protocol")
    kafka_sasl_password: SecretStr | None = text(None, "Servers", "Kafka password; only with a SASL protocol")
    kafka_ssl_cafile: CertificatesFile | None = text(None, "Servers", "Certificates that Kafka's is checked against")
    object_store_url: ObjectStoreUrl | None = text(
        None, "Servers", "Where a `uri` of an event leads: `file:///folder` or `s3://bucket/prefix`"
    )

    openai_api_key: SecretStr | None = text(None, "OpenAI", "Key for embeddings and audits")
    openai_base_url: HttpUrl | None = text(None, "OpenAI", "Any server that speaks OpenAI's API; OpenAI's own by default")
    embedding_model: str = text("text-embedding-3-small", "OpenAI", "Model that embeds documents")
    audit_model: str = text("gpt-5.4-mini", "OpenAI", "Model that writes audits")
    embedding_usd_per_million: float | None = price("Price of a million tokens for `EMBEDDING_MODEL`")
    audit_input_usd_per_million: float | None = price("Price of a million tokens that `AUDIT_MODEL` reads")
    audit_cached_usd_per_million: float | None = price("Price of a million tokens that it has read just before")
    audit_output_usd_per_million: float | None = price("Price of a million tokens that `AUDIT_MODEL` writes")
    openai_concurrency: int = knob(16, 1, 256, "calls", "OpenAI", "At the same time, of one worker")
    openai_tries: int = knob(3, 1, 10, "tries", "OpenAI", "Of one call, in quick succession, before its event waits")
    embedding_timeout_seconds: float = knob(60, 1, 600, "seconds", "OpenAI", "For one answer with embeddings")
    audit_timeout_seconds: float = knob(300, 1, 850, "seconds", "OpenAI", "For one answer of the audit model")
    lease_seconds: float = knob(30, 2, 3_600, "seconds", "OpenAI", "After which a dead worker's costly work is another's")

    document_max_bytes: int = knob(64 * MIB, 1024, 1024 * MIB, "bytes", "Documents", "Largest document that is read")
    document_work_bytes: int = knob(
        512 * MIB, MIB, 1024 * 1024 * MIB, "bytes", "Documents", "That the documents in work may hold; others wait"
    )
    parser_processes: int = knob(2, 1, 64, "processes", "Documents", "That read documents")

    evidence_tokens: int = knob(100_000, 1_000, 1_000_000, "tokens", "Audits", "Evidence that one audit may read")
    audit_output_tokens: int = knob(16_000, 500, 128_000, "tokens", "Audits", "That one audit may write")
    evidence_wait_seconds: float = knob(900, 0, 86_400, "seconds", "Audits", "How long named documents and runs are waited for")

    environment: Literal["development", "test", "staging", "production"] = text(
        "development", "Process", "Where this runs. Logs are JSON lines everywhere but in development"
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = text("INFO", "Process", "The least that is logged")
    sentry_dsn: SentryDsn | None = text(None, "Process", "Where unexpected errors are reported; nowhere by default")
    http_host: str = text("127.0.0.1", "Process", "Address the worker's HTTP listens on")
    http_port: int = knob(8000, 1, 65_535, "port", "Process", "Port the worker's HTTP listens on")
    shutdown_seconds: float = knob(
        25, 1, 600, "seconds", "Process", "For finishing what is in hand after SIGTERM; less than the orchestrator allows"
    )

    queue_records: int = knob(20_000, 100, 1_000_000, "records", "Lane", "In one lane before its intake waits")
    queue_bytes: int = knob(64 * MIB, MIB, 4096 * MIB, "bytes", "Lane", "In one lane before its intake waits")
    decode_records: int = knob(1_000, 1, 20_000, "records", "Lane", "Decoded at once")
    decode_bytes: int = knob(
        8 * MIB, 64 * 1024, 1024 * MIB, "bytes", "Lane", "Decoded and waiting for a hand, before decoding waits"
    )
    group_records: int = knob(2_000, 1, 20_000, "events", "Lane", "Outcomes that share one transaction, at most")
    group_bytes: int = knob(16 * MIB, MIB, 512 * MIB, "bytes", "Lane", "Results that share one transaction, at most")
    group_linger_milliseconds: float = knob(
        2, 0, 1_000, "milliseconds", "Lane", "How long a group waits for what is still in hand"
    )
    committers: int = knob(2, 1, 16, "tasks", "Lane", "Transactions of one lane at the same time")
    client_share: float = knob(
        0.5, 0.01, 1, "share", "Lane", "Of a lane's slots that one client holds at most while others wait"
    )
    patience_seconds: float = knob(5, 0.1, 60, "seconds", "Lane", "How long a full lane waits before it pauses its partitions")
    drain_seconds: float = knob(
        10, 1, 300, "seconds", "Lane", "For finishing what is in hand before partitions go to another worker"
    )

    failure_run: int = knob(
        50, 1, 100_000, "outcomes", "Failure limits", "That fail in a row before a lane stops; a client fills its share of them"
    )
    failure_run_alone: int = knob(
        500, 1, 1_000_000, "outcomes", "Failure limits", "That fail in a row before a lane stops, be they of one client alone"
    )
    failure_ratio: float = knob(0.5, 0.01, 1, "part", "Failure limits", "Of the last outcomes that fail before a lane stops")
    failure_window: int = knob(200, 2, 100_000, "outcomes", "Failure limits", "The last ones that the ratio is of")
    failure_client_share: float = knob(
        0.5, 0.01, 1, "part", "Failure limits", "Of a limit that one client's failures can fill; 1: one client can stop a lane"
    )

    stall_seconds: float = knob(
        120, 5, 3_600, "seconds", "Health", "That a lane with work may stand still, or a handler be beyond its time-out"
    )
    consumer_lost_seconds: float = knob(
        60, 5, 3_600, "seconds", "Health", "That a consumer may be outside its group, beyond the time of a rebalance"
    )

    fetch_records: int = knob(2_000, 1, 20_000, "records", "Consumer", "Taken from Kafka's client at once")
    fetch_bytes: int = knob(MIB, 1024, 64 * MIB, "bytes", "Consumer", "Fetched of one partition at once")
    session_timeout_seconds: float = knob(
        30, 6, 300, "seconds", "Consumer", "Silence after which Kafka takes a worker for dead"
    )
    max_poll_interval_seconds: float = knob(
        300, 10, 3_600, "seconds", "Consumer", "Standstill after which a worker gives up its partitions"
    )

    retry_attempts: int = knob(8, 1, 100, "attempts", "Retries", "Tries of a transient failure before it is final")
    retry_base_seconds: float = knob(1, 0.01, 3_600, "seconds", "Retries", "Wait before the second try; doubles, with jitter")
    retry_cap_seconds: float = knob(300, 0.01, 86_400, "seconds", "Retries", "Longest wait between two tries")

    inbox_days: float = knob(
        30, 0.01, 3_650, "days", "Storage", "How long the inbox remembers events; more than Kafka keeps records"
    )
    run_history_days: float = knob(
        7, 0.01, 3_650, "days", "Storage", "How long results of a run stay after a reprocess has replaced them"
    )
    replay_rate: int = knob(1_000, 1, 100_000, "records", "Replay", "A second, at most, that `replay apply` publishes")

    redis_mark_days: int = knob(2, 1, 90, "days", "Storage", "How long Redis remembers what is finished")
    database_pool_size: int = knob(10, 2, 200, "connections", "Storage", "Connections to PostgreSQL of one process")
    object_max_bytes: int = knob(
        256 * MIB, 1024, 16_384 * MIB, "bytes", "Storage", "Largest object, or part of a portfolio, read at once"
    )
    run_slice_cells: int = knob(
        1_000_000,
        1,
        100_000_000,
        "cells",
        "Storage",
        "Priced at once (positions x scenarios x measures, KRD once a pillar); a larger run goes in slices",
    )
    parsed_bytes: int = knob(
        16 * MIB, 0, 4096 * MIB, "bytes", "Storage", "Of markets that stay parsed for the runs and slices that name them next"
    )

    topic_partitions: int = knob(12, 1, 1_000, "partitions", "Topics", "Of each topic that `topics ensure` makes")
    topic_retention_days: int = knob(14, 1, 3_650, "days", "Topics", "How long Kafka keeps the records of a topic")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003  (folders of secrets are not read)
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments come last: they are what holds where nothing is set."""
        layers = [layer for layer in (env_settings, dotenv_settings) if isinstance(layer, EnvSettingsSource)]
        read = [source for layer in layers for source in (layer, NameFileSource(settings_cls, layer, secret_names()))]
        return (*read, init_settings)

    @model_validator(mode="after")
    def sasl_is_whole(self) -> Self:
        """A SASL protocol without a user or password could only fail later, and less clearly."""
        if self.kafka_security_protocol.startswith("SASL"):
            for name in ("kafka_sasl_username", "kafka_sasl_password"):
                if getattr(self, name) is None:
                    protocol = self.kafka_security_protocol
                    raise WrongSetting(f"{name.upper()}: is needed when KAFKA_SECURITY_PROTOCOL is {protocol}")
        return self

    def need(self, name: str) -> str:
        """The plain value of a setting that this command cannot do without; WrongSetting where it is not set."""
        value = getattr(self, name)
        if value is None:
            raise WrongSetting(f"{name.upper()}: is not set")
        return value.get_secret_value() if isinstance(value, SecretStr) else str(value)

    def secrets(self) -> tuple[str, ...]:
        """The plain values of all secrets that are set, for those who must keep them out of logs."""
        values = (getattr(self, name) for name in secret_names())
        return tuple(value.get_secret_value() for value in values if value is not None)


def secret_names() -> frozenset[str]:
    """The fields that are secrets: never shown, and readable from `NAME_FILE`."""
    return frozenset(name for name, field in Settings.model_fields.items() if is_secret(field))


def is_secret(field: FieldInfo) -> bool:
    """Whether a field's type is a secret's."""
    return "SecretStr" in str(field.annotation)


def load(env_file: str | None = ".env", **fallbacks: Any) -> Settings:
    """The settings of this process; `fallbacks` hold where neither the environment nor the file says anything.

    Raises WrongSetting with one line that names each wrong setting, what it must be and, unless it is a secret, what
    it was.
    """
    try:
        return Settings(_env_file=env_file, **fallbacks)  # type: ignore[call-arg]  # an argument of BaseSettings itself
    except ValidationError as error:
        raise WrongSetting(explain(error, Settings.model_fields, secret_names())) from None
