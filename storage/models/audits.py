"""Tables of audits: content, which a client reads under row-level security."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from storage.models.base import Base, identity, length, not_negative, one_of, sha256

NONE = text("'{}'::uuid[]")


class Audit(Base):
    """One audit: what was asked, by whom (`source`, `event_id`), on which evidence, and what came of it.

    `audit_id` is unique over all clients and bound to `input_sha256`. `review` tells what a person should look at, such
    as a citation that did not hold. `model` is the one that answered. Tokens and cost are those of all its calls.
    """

    __tablename__ = "audits"

    audit_id: Mapped[UUID] = mapped_column(primary_key=True)
    client_id: Mapped[str]
    generation: Mapped[int] = mapped_column(server_default="0")
    status: Mapped[str]
    title: Mapped[str]
    summary: Mapped[str] = mapped_column(server_default="")
    document_ids: Mapped[list[UUID]] = mapped_column(server_default=NONE)
    run_ids: Mapped[list[UUID]] = mapped_column(server_default=NONE)
    evidence_chunks: Mapped[int] = mapped_column(server_default="0")
    evidence_left_out: Mapped[int] = mapped_column(server_default="0")
    model: Mapped[str]
    prompt_version: Mapped[str]
    input_tokens: Mapped[int] = mapped_column(server_default="0")
    output_tokens: Mapped[int] = mapped_column(server_default="0")
    cost_usd: Mapped[Decimal] = mapped_column(server_default=text("0"))
    review: Mapped[list[dict[str, Any]]] = mapped_column(server_default=text("'[]'::jsonb"))
    failure_code: Mapped[str | None]
    failure_message: Mapped[str | None]
    input_sha256: Mapped[bytes]
    request_sha256: Mapped[bytes]
    source: Mapped[str]
    event_id: Mapped[str]
    correlation_id: Mapped[str]
    started_at: Mapped[datetime]
    completed_at: Mapped[datetime]

    __table_args__ = (
        *identity(),
        one_of("status", "completed", "needs_review", "refused", "failed"),
        sha256("input_sha256"),
        sha256("request_sha256"),
        not_negative("evidence_chunks"),
        not_negative("evidence_left_out"),
        not_negative("input_tokens"),
        not_negative("output_tokens"),
        not_negative("cost_usd"),
        CheckConstraint("(status = 'failed') = (failure_code is not null)", name="failure"),
        # A client's audits, newest first.
        Index("ix_audits_client_id_started_at", "client_id", text("started_at desc")),
    )


class AuditFinding(Base):
    """One thing that an audit found; `ordinal` is its place, from 0.

    `citations` are [{document_id, chunk_id, page, quote}], each checked against the chunk that it quotes.
    """

    __tablename__ = "audit_findings"

    finding_id: Mapped[UUID] = mapped_column(primary_key=True, server_default=text("uuidv7()"))
    audit_id: Mapped[UUID]
    client_id: Mapped[str]
    generation: Mapped[int]
    ordinal: Mapped[int]
    severity: Mapped[str]
    title: Mapped[str]
    description: Mapped[str]
    recommendation: Mapped[str]
    citations: Mapped[list[dict[str, Any]]]

    __table_args__ = (
        length("client_id", 64),
        not_negative("generation"),
        not_negative("ordinal"),
        one_of("severity", "info", "low", "medium", "high", "critical"),
        UniqueConstraint("audit_id", "generation", "ordinal"),
    )
