"""Tables that the engine keeps for itself; clients' sessions cannot read them."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from storage.models.base import Base, Offset, identity, length, not_negative, one_of, sha256

NOW = text("now()")


class InboxEntry(Base):
    """One accepted event that has reached its outcome; the primary key makes its effects happen once.

    `event_key` is derived from flow, source, event_id and generation, so a look-up by those needs no further index.
    `payload_sha256` tells a duplicate from the same key with another payload.
    """

    __tablename__ = "inbox"

    event_key: Mapped[UUID] = mapped_column(primary_key=True)
    flow: Mapped[str]
    source: Mapped[str]
    event_id: Mapped[str]
    generation: Mapped[int]
    client_id: Mapped[str]
    payload_sha256: Mapped[bytes]
    outcome: Mapped[str]
    processed_at: Mapped[datetime] = mapped_column(server_default=NOW)

    __table_args__ = (
        *identity(),
        sha256("payload_sha256"),
        one_of("outcome", "completed", "failed"),
        # Retention deletes by age; rows lie in that order, so a block range index is enough and costs next to nothing.
        Index(None, "processed_at", postgresql_using="brin"),
    )


class OutboxEntry(Base):
    """One record that is decided and still to be published; empty when idle.

    It belongs to `owner` until `claimed_until`, then any relay may take it over. `parked_at` is set when Kafka refuses
    the record for good; `last_error` says why. `headers` as in storage/headers.py.
    """

    __tablename__ = "outbox"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    flow: Mapped[str]
    client_id: Mapped[str | None]
    topic: Mapped[str]
    key: Mapped[bytes | None]
    value: Mapped[bytes | None]
    headers: Mapped[bytes | None]
    created_at: Mapped[datetime] = mapped_column(server_default=NOW)
    owner: Mapped[UUID]
    claimed_until: Mapped[datetime] = mapped_column(server_default=text("now() + interval '20 seconds'"))
    parked_at: Mapped[datetime | None]
    last_error: Mapped[str | None]

    __table_args__ = (Index(None, "claimed_until", postgresql_where=text("parked_at is null")),)


class Retry(Base):
    """One event that failed for a passing reason and waits for `next_attempt_at`, with the record it came as.

    An attempt counts when it is leased; `leased_until` and `owner` say who works on it.
    A lease that ran out is a worker's death: such a row is leased alone, and `deaths` counts how often. `waiting_since` is
    set while what other events bring is all that it needs. The row is deleted in the transaction that gives the event its
    outcome.
    """

    __tablename__ = "retries"

    event_key: Mapped[UUID] = mapped_column(primary_key=True)
    flow: Mapped[str]
    source: Mapped[str]
    event_id: Mapped[str]
    generation: Mapped[int]
    client_id: Mapped[str]
    payload_sha256: Mapped[bytes]
    topic: Mapped[str]
    partition: Mapped[int]
    offset: Mapped[int] = mapped_column(Offset)
    key: Mapped[bytes | None]
    value: Mapped[bytes]
    headers: Mapped[bytes | None]
    attempts: Mapped[int]
    deaths: Mapped[int] = mapped_column(server_default=text("0"))
    next_attempt_at: Mapped[datetime]
    leased_until: Mapped[datetime | None]
    owner: Mapped[UUID | None]
    error_class: Mapped[str]
    last_error: Mapped[str | None]
    first_failed_at: Mapped[datetime] = mapped_column(server_default=NOW)
    waiting_since: Mapped[datetime | None]

    __table_args__ = (
        *identity(),
        sha256("payload_sha256"),
        not_negative("attempts"),
        not_negative("deaths"),
        Index(None, "flow", "next_attempt_at"),
    )


class DeadLetter(Base):
    """One record that was rejected, or an event that failed for good, with the bytes it came as.

    `source` to `client_id` are null where the record could not be read that far. `fingerprint` is the same for letters
    that died of the same cause.
    """

    __tablename__ = "dead_letters"

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=text("uuidv7()"))
    flow: Mapped[str]
    topic: Mapped[str]
    partition: Mapped[int]
    offset: Mapped[int] = mapped_column(Offset)
    source: Mapped[str | None]
    event_id: Mapped[str | None]
    generation: Mapped[int | None]
    client_id: Mapped[str | None]
    key: Mapped[bytes | None]
    value: Mapped[bytes | None]
    headers: Mapped[bytes | None]
    reason: Mapped[str]
    error_class: Mapped[str]
    message: Mapped[str]
    fingerprint: Mapped[str]
    attempts: Mapped[int]
    status: Mapped[str] = mapped_column(server_default="dead")
    first_failed_at: Mapped[datetime] = mapped_column(server_default=NOW)
    last_failed_at: Mapped[datetime] = mapped_column(server_default=NOW)

    __table_args__ = (
        *identity(),
        not_negative("attempts"),
        one_of("status", "dead", "replayed", "discarded"),
        UniqueConstraint("topic", "partition", "offset"),
        Index("ix_dead_letters_status_last_failed_at", "status", text("last_failed_at desc")),
        Index(None, "fingerprint"),
        Index(None, "source", "event_id"),
    )


class Generation(Base):
    """One further time that an event is worked on: who asked for it, as `replay_id`, of which dead letter if any.

    An event of a generation above 0 is accepted only when its row is here.
    """

    __tablename__ = "generations"

    flow: Mapped[str] = mapped_column(primary_key=True)
    source: Mapped[str] = mapped_column(primary_key=True)
    event_id: Mapped[str] = mapped_column(primary_key=True)
    generation: Mapped[int] = mapped_column(primary_key=True)
    replay_id: Mapped[str]
    dead_letter_id: Mapped[UUID | None]
    requested_by: Mapped[str]
    requested_at: Mapped[datetime] = mapped_column(server_default=NOW)

    __table_args__ = (
        length("source", 256),
        length("event_id", 256),
        CheckConstraint("generation >= 1", name="generation"),
    )


class Start(Base):
    """The latest beginning of a worker with a partition, so that a record at which workers die is found.

    `starts` counts the beginnings at `offset` that were not taken back in good order, `reach` is the highest offset that was
    taken in since. `in_hand` is the record that a worker has, or had when it died, alone in hand, `deaths` how many had,
    `decoded` whether the last of them got past decoding it. `owner` is null once it has left in good order.
    """

    __tablename__ = "starts"

    flow: Mapped[str] = mapped_column(primary_key=True)
    topic: Mapped[str] = mapped_column(primary_key=True)
    partition: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    offset: Mapped[int] = mapped_column(Offset)
    starts: Mapped[int]
    reach: Mapped[int | None] = mapped_column(Offset)
    in_hand: Mapped[int | None] = mapped_column(Offset)
    deaths: Mapped[int] = mapped_column(server_default=text("0"))
    decoded: Mapped[bool] = mapped_column(server_default=text("false"))
    owner: Mapped[UUID | None]
    started_at: Mapped[datetime] = mapped_column(server_default=NOW)
    updated_at: Mapped[datetime] = mapped_column(server_default=NOW)

    __table_args__ = (
        CheckConstraint('"offset" >= 0', name="offset"),
        not_negative("starts"),
        not_negative("deaths"),
    )


class LaneRow(Base):
    """One flow that was stopped at least once; while it is, no worker takes anything of it.

    `epoch` counts how often it was resumed: what a worker decided in an earlier one no longer holds. `failed` of `finished`
    outcomes and the last failures' `codes` are what its `reason` rests on, where the `cause` is failures.
    """

    __tablename__ = "lanes"

    flow: Mapped[str] = mapped_column(primary_key=True)
    status: Mapped[str]
    epoch: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    cause: Mapped[str | None]
    reason: Mapped[str | None]
    failed: Mapped[int | None]
    finished: Mapped[int | None]
    codes: Mapped[list[str]] = mapped_column(server_default=text("'{}'"))
    stopped_at: Mapped[datetime | None]
    stopped_by: Mapped[str | None]
    resumed_at: Mapped[datetime | None]
    resumed_by: Mapped[str | None]

    __table_args__ = (
        one_of("status", "running", "stopped"),
        one_of("cause", "failures", "retention"),
    )
