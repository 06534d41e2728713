"""Runs as they are stored, and the completions that answer for them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256
from itertools import chain
from typing import Any, NamedTuple, get_args
from uuid import UUID

import orjson

from events.build import Asker
from events.event import Event
from events.failures import Failure, Permanent
from events.identity import input_sha256
from events.market import Market
from events.run import MarketById, PortfolioById, RunFailureCode, RunRequested
from handlers.answer import Answer, Request
from handlers.price.engine import PRICER_VERSION
from handlers.price.grouping import GroupSums, GroupTotals
from handlers.price.loading import Loaded
from handlers.price.risk.tail_risk import tail_risk
from handlers.price.sheet import PricedRun
from handlers.price.slicing import Slice
from handlers.price.snapshots import canonical_market
from storage.plans import PlanRow, SliceRow
from storage.results import ResultRows
from storage.runs import RunRow
from storage.totals import TotalRows

FAILURE_CODES = frozenset(get_args(RunFailureCode))


class Snapshot(NamedTuple):
    """Which market a run was priced in: its id, and the sha256 of its content."""

    snapshot_id: str
    sha256: bytes


def snapshot_of(market: Market) -> Snapshot:
    """The same for the same market, whichever way it came."""
    return Snapshot(market.snapshot_id, sha256(canonical_market(market)).digest())


def priced_row(event: Event, run: PricedRun, snapshot: Snapshot, loaded: Loaded, completed_at: datetime) -> RunRow:
    """The row of a run that was priced, wholly or partly."""
    return _known_row(event, snapshot, loaded)._replace(
        status="partial" if run.errors else "completed",
        positions=run.positions,
        errors=run.errors,
        totals=run.totals,
        completed_at=completed_at,
    )


def planned_row(event: Event, slices: int, snapshot: Snapshot, loaded: Loaded) -> RunRow:
    """The row of a run that is to be priced in slices."""
    return _known_row(event, snapshot, loaded)._replace(status="planned", slices=slices)


def total_rows(row: RunRow, run: PricedRun) -> list[TotalRows]:
    """The totals of a run by group, as if it were one slice; none where its positions are not grouped."""
    if run.group_totals is None:
        return []
    sums = GroupSums(list(run.group_totals.sums), len(run.scenario_ids))
    sums.add(run.group_totals)
    return [group_rows(row, sums.totals())]


def group_rows(row: RunRow, totals: GroupTotals) -> TotalRows:
    """Totals by group as they are stored."""
    return TotalRows(row.run_id, row.generation, row.client_id, totals.values, totals.sums)


def kept_request(run: RunRequested) -> bytes:
    """The data of a run's event, for its slices."""
    return orjson.dumps(run.model_dump(), option=orjson.OPT_NON_STR_KEYS)


def requested_run(kept: bytes) -> RunRequested:
    """The run that `kept_request` keeps, read as its event was."""
    return RunRequested.model_validate(orjson.loads(kept))


def plan_row(event: Event, request: bytes, loaded: Loaded) -> PlanRow:
    """What the slices of a run need of its event, and the event that is last of them of whom it answers."""
    subject = event.subject or event.data.natural_key()
    run_id = UUID(event.data.run_id)
    where = (loaded.positions_uri, loaded.market_sha256)
    return PlanRow(run_id, event.generation, event.client_id, request, *where, subject, event.traceparent)


def slice_rows(event: Event, slices: Iterable[Slice]) -> list[SliceRow]:
    """The slices of a run, numbered from 0."""
    run_id = UUID(event.data.run_id)
    return [
        SliceRow(
            run_id,
            event.generation,
            number,
            event.client_id,
            each.first_row,
            each.positions,
            list(chain.from_iterable(each.ranges)),
            each.sha256,
        )
        for number, each in enumerate(slices)
    ]


def requests_of(row: RunRow) -> list[Request]:
    """A request for each slice of a run that is planned."""
    fixed = {"run_id": str(row.run_id), "generation": row.generation, "input_sha256": row.input_sha256.hex()}
    return [Request(f"{row.run_id}:{number}", str(number), fixed | {"slice_no": number}) for number in range(row.slices)]


def asker_of(row: RunRow, plan: PlanRow) -> Asker:
    """Whom the completion of a run that was planned answers."""
    who = ("runs", row.source, row.event_id, row.generation, row.client_id)
    return Asker(*who, plan.subject, row.correlation_id, plan.traceparent)


def failed_row(event: Event, failure: Failure, now: datetime) -> RunRow:
    """The row of a run that has no rows. Its input is what was asked for: the bytes behind it may not be known."""
    return _row(event, now, now)._replace(failure_code=known_code(failure.code), failure_message=failure.message)


def known_code(code: str) -> str:
    """The code under which a run's failure is told."""
    return code if code in FAILURE_CODES else "internal"


def result_rows(row: RunRow, run: PricedRun, first_row: int = 0) -> ResultRows:
    """The rows of values of a priced run, or of a part of it whose first position stands at `first_row` of the portfolio."""
    return ResultRows(
        row.run_id,
        row.client_id,
        row.generation,
        run.row_no + first_row,
        run.position_id,
        run.measure,
        run.bucket,
        run.values,
        run.error,
        run.error_detail,
    )


def answer_of(row: RunRow) -> Answer:
    """The completion's data, the same whenever it is asked for."""
    failure = None if row.failure_code is None else Permanent(row.failure_code, row.failure_message or "")
    data: dict[str, Any] = {
        "run_id": str(row.run_id),
        "status": row.status,
        "positions": row.positions,
        "errors": row.errors,
        "scenarios": row.scenario_ids,
        "measures": row.measures,
        "totals": row.totals,
        "input_sha256": row.input_sha256.hex(),
        "pricer_version": row.pricer_version,
        "started_at": row.started_at,
        "completed_at": row.completed_at,
    }
    if row.tail_days and row.totals:
        data["tail_risk"] = tail_risk(row.totals, row.scenario_ids, row.tail_days, row.tail_levels)
    if failure is not None:
        data["failure"] = {"code": failure.code, "message": failure.message}
    return Answer(data, failure)


def _known_row(event: Event, snapshot: Snapshot, loaded: Loaded) -> RunRow:
    """The row of a run, all of whose input is known."""
    asked = event.data.tail_risk
    return _row(event, loaded.started_at, None)._replace(
        scenario_ids=[scenario.id for scenario in loaded.run.scenarios],
        input_sha256=input_sha256(event.client_id, event.data_sha256 or b"", loaded.digests),
        snapshot_id=snapshot.snapshot_id,
        market_sha256=snapshot.sha256,
        portfolio_sha256=loaded.portfolio_sha256,
        tail_days=len(loaded.run.scenarios) - len(event.data.scenarios),
        tail_levels=() if asked is None else asked.levels,
    )


def _row(event: Event, started_at: datetime, completed_at: datetime | None) -> RunRow:
    run: RunRequested = event.data
    request = input_sha256(event.client_id, event.data_sha256 or b"")
    return RunRow(
        run_id=UUID(run.run_id),
        client_id=event.client_id,
        generation=event.generation,
        status="failed",
        valuation_date=run.valuation_date,
        reporting_currency=run.reporting_currency,
        scenario_ids=[scenario.id for scenario in run.scenarios],
        measures=list(run.measures),
        positions=0,
        errors=0,
        totals={},
        failure_code=None,
        failure_message=None,
        input_sha256=request,
        request_sha256=request,
        pricer_version=PRICER_VERSION,
        snapshot_id=run.market.snapshot_id if isinstance(run.market, MarketById) else None,
        source=event.source,
        event_id=event.id,
        correlation_id=event.correlation_id or event.id,
        started_at=started_at,
        completed_at=completed_at,
        portfolio_id=run.portfolio.portfolio_id if isinstance(run.portfolio, PortfolioById) else None,
        group_by=run.group_by,
        scenarios=[scenario.model_dump() for scenario in run.scenarios],
    )
