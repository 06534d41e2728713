"""Tables of what OpenAI was asked for and paid."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from storage.models.base import Base, Vector1536, length, not_negative, one_of, sha256


class LlmCall(Base):
    """One answer that was paid for, whole: what was asked (by its hash), what came back, what it cost.

    `model` is the one asked for, `answered_model` the one that the provider names. `event_key` is null for a request
    that serves several events. A client reads its own rows, under row-level security.
    """

    __tablename__ = "llm_calls"

    call_id: Mapped[UUID] = mapped_column(primary_key=True, server_default=text("uuidv7()"))
    client_id: Mapped[str]
    flow: Mapped[str]
    event_key: Mapped[UUID | None]
    endpoint: Mapped[str]
    provider: Mapped[str]
    model: Mapped[str]
    answered_model: Mapped[str | None]
    request_sha256: Mapped[bytes]
    outcome: Mapped[str]
    answer: Mapped[str | None]
    answer_sha256: Mapped[bytes]
    input_tokens: Mapped[int]
    cached_tokens: Mapped[int]
    output_tokens: Mapped[int]
    cost_usd: Mapped[Decimal]
    latency_ms: Mapped[int]
    provider_request_id: Mapped[str | None]
    called_at: Mapped[datetime] = mapped_column(server_default=text("now()"))

    __table_args__ = (
        length("client_id", 64),
        one_of("endpoint", "embeddings", "responses"),
        sha256("request_sha256"),
        one_of("outcome", "answered", "refused", "truncated", "malformed"),
        sha256("answer_sha256"),
        not_negative("input_tokens"),
        not_negative("cached_tokens"),
        not_negative("output_tokens"),
        not_negative("cost_usd"),
        not_negative("latency_ms"),
        # A retry looks for what its event has already paid for.
        Index(None, "event_key", "request_sha256", postgresql_where=text("event_key is not null")),
        Index("ix_llm_calls_client_id_called_at", "client_id", text("called_at desc")),
    )


class PaidEmbedding(Base):
    """One text's vector that is paid for and not yet in a chunk; the row goes when the payer's chunks are stored.

    `tokens` and `cost_usd` are the text's share of its request, and count for the event that paid, `event_key`.
    """

    __tablename__ = "embeddings"

    client_id: Mapped[str] = mapped_column(primary_key=True)
    embedding_model: Mapped[str] = mapped_column(primary_key=True)
    content_sha256: Mapped[bytes] = mapped_column(primary_key=True)
    embedding: Mapped[Vector1536]
    tokens: Mapped[int]
    cost_usd: Mapped[Decimal]
    event_key: Mapped[UUID | None]
    call_id: Mapped[UUID]
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))

    __table_args__ = (
        length("client_id", 64),
        sha256("content_sha256"),
        not_negative("tokens"),
        not_negative("cost_usd"),
        # What an event has paid for is told when it ends without chunks.
        Index(None, "event_key", postgresql_where=text("event_key is not null")),
    )
