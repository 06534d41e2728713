"""Who asks, and what comes back."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal, TypeAlias
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from storage.llm_calls import LlmCall

Endpoint: TypeAlias = Literal["embeddings", "responses"]
# A model at an endpoint.
Target: TypeAlias = tuple[Endpoint, str]
Outcome: TypeAlias = Literal["answered", "refused", "truncated", "malformed"]


@dataclass(frozen=True, slots=True)
class Asker:
    """On whose behalf a call is made, for the ledger; `event_key` is None when it serves several events."""

    client_id: str
    flow: str
    event_key: UUID | None


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one call; those that were read from the cache are among the input's."""

    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0


@dataclass(frozen=True, slots=True)
class EmbeddedBatch:
    """The vectors of one request's texts, float32 (texts × dimensions) in their order, and its `call`, not yet recorded."""

    vectors: NDArray[np.float32]
    prompt_tokens: int
    cost_usd: Decimal
    call: LlmCall


@dataclass(frozen=True, slots=True)
class LlmAnswer:
    """What a model said, recorded.

    answered   `parsed` is the object, `text` its JSON
    refused    `text` is what the model said instead
    truncated  `text` ends where the model had to stop
    malformed  `text` is no JSON object, or none that was asked for, however often it was asked

    `cost_usd` and `usage` are those of this answer when it was paid for, which was at an earlier attempt if it is `reused`.
    """

    outcome: Outcome
    text: str
    parsed: dict[str, Any] | None
    answered_model: str | None
    usage: Usage
    cost_usd: Decimal
    reused: bool
