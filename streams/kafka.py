"""How Kafka is reached: the one place that turns settings into the arguments of aiokafka and FastStream."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from aiokafka.helpers import create_ssl_context
from faststream.security import BaseSecurity, SASLPlaintext, SASLScram256, SASLScram512


@dataclass(frozen=True, slots=True)
class KafkaConfig:
    """The address of a Kafka cluster and how to sign in to it."""

    bootstrap_servers: str
    security_protocol: str = "PLAINTEXT"
    sasl_mechanism: str | None = None
    sasl_username: str | None = None
    sasl_password: str | None = None
    ssl_cafile: str | None = None
    request_timeout: float = 10.0

    def client_arguments(self) -> dict[str, Any]:
        """Keyword arguments for an aiokafka consumer, producer or admin client."""
        arguments: dict[str, Any] = {
            "bootstrap_servers": self.bootstrap_servers,
            "security_protocol": self.security_protocol,
            "request_timeout_ms": int(self.request_timeout * 1000),
        }
        if self.uses_ssl:
            arguments["ssl_context"] = create_ssl_context(cafile=self.ssl_cafile)
        if self.uses_sasl:
            arguments |= {
                "sasl_mechanism": self.sasl_mechanism or "PLAIN",
                "sasl_plain_username": self.sasl_username,
                "sasl_plain_password": self.sasl_password,
            }
        return arguments

    def security(self) -> BaseSecurity | None:
        """The same for a FastStream broker."""
        if not self.uses_ssl and not self.uses_sasl:
            return None
        context = create_ssl_context(cafile=self.ssl_cafile) if self.uses_ssl else None
        if not self.uses_sasl:
            return BaseSecurity(ssl_context=context, use_ssl=True)
        kind = SASL_MECHANISMS[self.sasl_mechanism or "PLAIN"]
        return kind(
            username=self.sasl_username or "",
            password=self.sasl_password or "",
            ssl_context=context,
            use_ssl=self.uses_ssl,
        )

    @property
    def uses_ssl(self) -> bool:
        return self.security_protocol in {"SSL", "SASL_SSL"}

    @property
    def uses_sasl(self) -> bool:
        return self.security_protocol in {"SASL_PLAINTEXT", "SASL_SSL"}


SASL_MECHANISMS: dict[str, type[SASLPlaintext | SASLScram256 | SASLScram512]] = {
    "PLAIN": SASLPlaintext,
    "SCRAM-SHA-256": SASLScram256,
    "SCRAM-SHA-512": SASLScram512,
}
