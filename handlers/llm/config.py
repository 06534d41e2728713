"""Where OpenAI is, and how it is asked."""

from __future__ import annotations

from dataclasses import dataclass, field

STAND_IN = "stand-in"


@dataclass(frozen=True, slots=True)
class LlmConfig:
    """One provider, and the bounds of asking it.

    `provider` is the host of the base URL, or `stand-in`: whose answers are of no worth. Without a `base_url` it is
    OpenAI itself. `tries` of one call follow each other quickly; a Retry-After of more than `longest_wait` seconds is not
    waited for. Once `breaker_failures` calls in a row find no server, none is made for `breaker_seconds`. An answer that
    Postgres does not take within `ledger_seconds` is an outage for the one who asked; it is recorded all the same, later.
    """

    api_key: str = field(repr=False)
    base_url: str | None
    provider: str
    dimensions: int = 1536
    concurrency: int = 16
    tries: int = 3
    first_wait: float = 0.5
    longest_wait: float = 30.0
    connect_seconds: float = 5.0
    probe_seconds: float = 5.0
    embeddings_seconds: float = 60.0
    responses_seconds: float = 300.0
    breaker_failures: int = 5
    breaker_seconds: float = 5.0
    ledger_seconds: float = 30.0

    @property
    def is_stand_in(self) -> bool:
        """Whether answers come from the stand-in of the local stack."""
        return self.provider == STAND_IN
