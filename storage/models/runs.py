"""Tables of priced runs: content, which a client reads under row-level security."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Double, Index, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from storage.models.base import Base, identity, length, not_negative, one_of, sha256


class RunColumns:
    """What is known of one generation of a run: what was asked, by whom (`source`, `event_id`), and what came of it.

    `totals` is {measure: {scenario: sum in reporting_currency}}. `positions` counts positions, `errors` the rows of
    `run_results` that carry one. A large run is `planned` in `slices`; while it is, `slices_done`, `positions` and `errors`
    grow with each that ends. `scenarios` defines those that `scenario_ids` name, but for the last `tail_days` of them, which
    are days of the past. `market_sha256` is the hash of the market's content whichever way it came, `worker` who priced
    or planned the run.
    """

    client_id: Mapped[str]
    status: Mapped[str]
    valuation_date: Mapped[date]
    reporting_currency: Mapped[str]
    scenario_ids: Mapped[list[str]]
    measures: Mapped[list[str]]
    positions: Mapped[int] = mapped_column(server_default="0")
    errors: Mapped[int] = mapped_column(server_default="0")
    totals: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    failure_code: Mapped[str | None]
    failure_message: Mapped[str | None]
    input_sha256: Mapped[bytes]
    request_sha256: Mapped[bytes]
    pricer_version: Mapped[str]
    snapshot_id: Mapped[str | None]
    source: Mapped[str]
    event_id: Mapped[str]
    correlation_id: Mapped[str]
    started_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    completed_at: Mapped[datetime | None]
    slices: Mapped[int] = mapped_column(server_default="0")
    slices_done: Mapped[int] = mapped_column(server_default="0")
    scenarios: Mapped[list[dict[str, Any]]] = mapped_column(server_default=text("'[]'::jsonb"))
    market_sha256: Mapped[bytes | None]
    worker: Mapped[str | None]
    group_by: Mapped[list[str]] = mapped_column(server_default="{}")
    portfolio_id: Mapped[str | None]
    portfolio_sha256: Mapped[bytes | None]
    tail_days: Mapped[int] = mapped_column(server_default="0")
    tail_levels: Mapped[list[float]] = mapped_column(ARRAY(Double), server_default=text("'{}'::float8[]"))


def run_checks() -> tuple[CheckConstraint, ...]:
    """What holds of those columns."""
    return (
        *identity(),
        CheckConstraint("length(reporting_currency) = 3", name="reporting_currency"),
        *(sha256(name) for name in ("input_sha256", "request_sha256", "market_sha256", "portfolio_sha256")),
        not_negative("positions"),
        not_negative("errors"),
        CheckConstraint("(status = 'planned') = (completed_at is null)", name="finished"),
        CheckConstraint("(status = 'failed') = (failure_code is not null)", name="failure"),
        CheckConstraint("status <> 'partial' or errors > 0", name="partial"),
        CheckConstraint("slices_done between 0 and slices", name="slices_done"),
        CheckConstraint("tail_days between 0 and cardinality(scenario_ids)", name="tail_days"),
    )


class Run(RunColumns, Base):
    """One run, as it is read: its newest finished generation, or its first one while that is planned.

    `run_id` is unique over all clients and bound to what was asked, `request_sha256`; a generation to `input_sha256` too.
    """

    __tablename__ = "runs"

    run_id: Mapped[UUID] = mapped_column(primary_key=True)
    generation: Mapped[int] = mapped_column(server_default="0")

    __table_args__ = (
        *run_checks(),
        one_of("status", "planned", "completed", "partial", "failed", "cancelled"),
        # A client's runs, newest first.
        Index("ix_runs_client_id_started_at", "client_id", text("started_at desc")),
    )


class RunGeneration(RunColumns, Base):
    """A generation of a run that is not the one to be read: it is being worked on, or it is past, from `retired_at` on.

    What is past was read before, or has failed, was cancelled, or is `superseded`: a later one was finished first. It is
    kept for a while, with its rows of values, for those who are amid reading them.
    """

    __tablename__ = "run_generations"

    run_id: Mapped[UUID] = mapped_column(primary_key=True)
    generation: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    retired_at: Mapped[datetime | None]

    __table_args__ = (
        *run_checks(),
        one_of("status", "planned", "completed", "partial", "failed", "cancelled", "superseded"),
        CheckConstraint("(status = 'planned') = (retired_at is null)", name="retired"),
        # What has been past for long enough.
        Index("ix_run_generations_retired_at", "retired_at"),
    )


class RunResult(Base):
    """One measure of one position (of one pillar, for a measure by `bucket`), under every scenario of its run.

    `row_no` is the position's place in the portfolio, from 0. `values` follow `runs.scenario_ids`; a cell that could
    not be priced is null, and `error` is its code. There is no foreign key to `runs`: rows are written with COPY in
    the run's own transaction, and looking each of them up would double its cost.
    """

    __tablename__ = "run_results"

    run_id: Mapped[UUID] = mapped_column(primary_key=True)
    generation: Mapped[int] = mapped_column(primary_key=True)
    row_no: Mapped[int] = mapped_column(primary_key=True)
    measure: Mapped[str] = mapped_column(primary_key=True)
    bucket: Mapped[str] = mapped_column(primary_key=True, server_default="")
    client_id: Mapped[str]
    position_id: Mapped[str]
    values: Mapped[list[float | None]] = mapped_column(ARRAY(Double))
    error: Mapped[str | None]
    error_detail: Mapped[str | None]

    __table_args__ = (
        length("client_id", 64),
        not_negative("generation"),
        not_negative("row_no"),
        CheckConstraint('coalesce(array_ndims("values"), 1) = 1', name="values"),
        CheckConstraint("error is not null or error_detail is null", name="error_detail"),
    )


class RunPlan(Base):
    """What was asked of a large run, for its slices: the data of its event, and what its completion will answer.

    `request` is that data as JSON, `positions_uri` where its portfolio lies, `market_sha256` the hash of the market that it
    names; null where the event holds them itself.
    """

    __tablename__ = "run_plans"

    run_id: Mapped[UUID] = mapped_column(primary_key=True)
    generation: Mapped[int] = mapped_column(primary_key=True)
    client_id: Mapped[str]
    request: Mapped[bytes]
    positions_uri: Mapped[str | None]
    market_sha256: Mapped[bytes | None]
    subject: Mapped[str]
    traceparent: Mapped[str | None]
    planned_at: Mapped[datetime] = mapped_column(server_default=text("now()"))

    __table_args__ = (length("client_id", 64), not_negative("generation"), sha256("market_sha256"))


class RunSlice(Base):
    """A part of a large run: `positions` of its portfolio from `first_row` on, and what came of them.

    `byte_ranges` are where they lie in the portfolio's object, first and end by turns, and `bytes_sha256` the hash of those
    bytes; an inline portfolio has neither. `totals` are the slice's shares of the run's, and `group_sums` those of the totals
    by group: little-endian float8, measures × groups × scenarios, whose measures and groups `groups` names. `errors` counts
    its rows with an error.
    """

    __tablename__ = "run_slices"

    run_id: Mapped[UUID] = mapped_column(primary_key=True)
    generation: Mapped[int] = mapped_column(primary_key=True)
    slice_no: Mapped[int] = mapped_column(primary_key=True)
    client_id: Mapped[str]
    first_row: Mapped[int]
    positions: Mapped[int]
    byte_ranges: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    bytes_sha256: Mapped[bytes | None]
    status: Mapped[str] = mapped_column(server_default="planned")
    errors: Mapped[int] = mapped_column(server_default="0")
    totals: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    groups: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    failure_code: Mapped[str | None]
    failure_message: Mapped[str | None]
    worker: Mapped[str | None]
    pricer_version: Mapped[str | None]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    group_sums: Mapped[bytes] = mapped_column(server_default=text("'\\x'::bytea"))

    __table_args__ = (
        length("client_id", 64),
        not_negative("generation"),
        not_negative("slice_no"),
        not_negative("first_row"),
        not_negative("errors"),
        CheckConstraint("positions > 0", name="positions"),
        sha256("bytes_sha256"),
        one_of("status", "planned", "done", "failed"),
        CheckConstraint("(status = 'planned') = (finished_at is null)", name="finished"),
        CheckConstraint("(status = 'failed') = (failure_code is not null)", name="failure"),
    )


class RunTotal(Base):
    """One measure summed over the positions of one group, under every scenario of its run, in the reporting currency.

    `group_values` are what the group's positions say in the columns `runs.group_by`. `values` follow `runs.scenario_ids`; a
    total that a conversion is missing for is null.
    """

    __tablename__ = "run_totals"

    run_id: Mapped[UUID] = mapped_column(primary_key=True)
    generation: Mapped[int] = mapped_column(primary_key=True)
    group_values: Mapped[list[str]] = mapped_column(primary_key=True)
    measure: Mapped[str] = mapped_column(primary_key=True)
    client_id: Mapped[str]
    values: Mapped[list[float | None]] = mapped_column(ARRAY(Double))

    __table_args__ = (length("client_id", 64), not_negative("generation"))
