"""Replays: what is published once more, for whom, and how far that has come. Clients' sessions cannot read them."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Double, ForeignKey, text
from sqlalchemy.orm import Mapped, mapped_column

from storage.models.base import Base, Offset, not_negative, one_of

NOW = text("now()")


class Replay(Base):
    """One selection of a topic's records, frozen when it was planned, with the effect that was predicted then.

    It belongs to `owner`, whom `applied_by` names for people, until `claimed_until`. `rate`: records a second.
    `history` has an object for each thing that an operator did: `at`, `by`, `what`.
    """

    __tablename__ = "replays"

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=text("uuidv7()"))
    flow: Mapped[str]
    topic: Mapped[str]
    mode: Mapped[str] = mapped_column(server_default="redeliver")
    selection: Mapped[dict[str, Any]]
    prediction: Mapped[dict[str, Any]]
    status: Mapped[str] = mapped_column(server_default="planned")
    rate: Mapped[float | None] = mapped_column(Double)
    requested_by: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=NOW)
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    owner: Mapped[UUID | None]
    applied_by: Mapped[str | None]
    claimed_until: Mapped[datetime | None]
    history: Mapped[list[dict[str, Any]]] = mapped_column(server_default=text("'[]'"))

    __table_args__ = (
        one_of("mode", "redeliver", "reprocess"),
        one_of("status", "planned", "applying", "paused", "applied", "aborted"),
        CheckConstraint("rate > 0", name="rate"),
    )


class ReplayPartition(Base):
    """A replay's offsets of one partition: from `first_offset` up to, without it, `end_offset`; `next_offset` is to come.

    Of the records before that, `published` went out again, `skipped` did not because of what they are, and `refused` were
    not taken by Kafka.
    """

    __tablename__ = "replay_partitions"

    replay_id: Mapped[UUID] = mapped_column(ForeignKey("replays.id", ondelete="cascade"), primary_key=True)
    partition: Mapped[int] = mapped_column(primary_key=True)
    first_offset: Mapped[int] = mapped_column(Offset)
    end_offset: Mapped[int] = mapped_column(Offset)
    next_offset: Mapped[int] = mapped_column(Offset)
    published: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    skipped: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    refused: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))

    __table_args__ = (
        CheckConstraint("first_offset <= next_offset and next_offset <= end_offset", name="next_offset"),
        not_negative("first_offset"),
        not_negative("published"),
        not_negative("skipped"),
        not_negative("refused"),
    )
