"""How slices end, and with the last of them their run."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import repeat
from typing import Any

import numpy as np
import orjson

from events.failures import Failure
from handlers.answer import Answer
from handlers.price.arrays import Floats
from handlers.price.engine import PRICER_VERSION
from handlers.price.errors import CALCULATION_FAILED
from handlers.price.generations import as_ended, as_failed, takes_place
from handlers.price.grouping import GroupSums, GroupTotals
from handlers.price.portfolio import checked_ids
from handlers.price.sheet import PricedRun
from handlers.price.stored import answer_of, asker_of, group_rows, result_rows
from handlers.price.totals import TOTALLED
from storage.database import Connection
from storage.plans import Ended, SliceEnd, SliceKey, count_slices, failed_slices, finish_run, read_plan
from storage.results import ResultRows
from storage.run_generations import end_generation, hold_runs, take_place
from storage.runs import RunRow
from storage.totals import SliceTotals, copy_totals, slice_totals


@dataclass(frozen=True, slots=True)
class Ending:
    """What a slice came to: its rows, or why there are none, and then the ids of its positions if they could be read."""

    priced: PricedRun | None
    failure: Failure | None
    started_at: datetime
    position_ids: Sequence[str] = ()


def end_of(key: SliceKey, ending: Ending, worker: str, now: datetime) -> SliceEnd:
    """What the slice's row is told of its end."""
    end = SliceEnd(key, "done", None, {}, {}, b"", None, None, worker, PRICER_VERSION, ending.started_at, now)
    priced = ending.priced
    if priced is not None:
        groups, group_sums = ({}, b"") if priced.group_totals is None else priced.group_totals.packed()
        return end._replace(errors=priced.errors, totals=priced.totals, groups=groups, group_sums=group_sums)
    code, message = ("internal", "") if ending.failure is None else (ending.failure.code, ending.failure.message)
    return end._replace(status="failed", failure_code=code, failure_message=message)


def rows_of(run: RunRow, slice_no: int, where: Ended, ending: Ending) -> ResultRows:
    """A slice's rows of values; of one that failed a row for each measure of each position, without an id if none is known."""
    if ending.priced is not None:
        return result_rows(run, ending.priced, where.first_row)
    rows = where.positions * len(run.measures)
    ids = ending.position_ids or [""] * where.positions
    return ResultRows(
        run.run_id,
        run.client_id,
        run.generation,
        np.repeat(np.arange(where.first_row, where.first_row + where.positions), len(run.measures)),
        [each for each in ids for _ in run.measures],
        list(run.measures) * where.positions,
        [""] * rows,
        np.full((rows, len(run.scenario_ids)), np.nan),
        [CALCULATION_FAILED] * rows,
        list(repeat(f"slice {slice_no}: {ending.failure}", rows)),
    )


def inline_ids(request: bytes, first_row: int, positions: int) -> list[str]:
    """The ids of a slice's positions if the event that is kept holds them itself, else none."""
    records = orjson.loads(request)["portfolio"].get("positions", [])
    return checked_ids([record.get("position_id") for record in records[first_row : first_row + positions]], {})


class CancelledMeanwhile(Exception):  # noqa: N818 - not an error
    """A run was cancelled after slices of it had been ended: nothing of them may stay."""


async def complete_runs(connection: Connection, ended: Mapping[SliceKey, Ended], now: datetime) -> dict[SliceKey, Answer]:
    """Counts slices that ended; of each run whose last one is among them the completion, under one of these slices.

    Raises CancelledMeanwhile.
    """
    completed = {}
    counted = await count_slices(connection, ended)
    if len(counted) < len({key[:2] for key in ended}):
        raise CancelledMeanwhile
    for run, is_aside in counted:
        if run.slices_done == run.slices:
            last = max(key for key in ended if key[:2] == (run.run_id, run.generation))
            completed[last] = await _complete(connection, run, now, is_aside=is_aside)
    return completed


async def _complete(connection: Connection, run: RunRow, now: datetime, *, is_aside: bool) -> Answer:
    sums = Sums(run)
    async for each in slice_totals(connection, run):
        await asyncio.to_thread(sums.add, each)
    await copy_totals(connection, [group_rows(run, sums.groups.totals())])
    status = "partial" if run.errors else "completed"
    run = run._replace(status=status, totals=sums.totals(), completed_at=now)
    if is_aside:
        run = await _finish_aside(connection, run, now)
    else:
        await finish_run(connection, run)
    answer = answer_of(run)
    answer.to = (asker_of(run, await read_plan(connection, run.run_id, run.generation)),)
    return answer


async def _finish_aside(connection: Connection, run: RunRow, now: datetime) -> RunRow:
    """Puts a generation in the place of the one that is read, unless it comes too late or to nothing; how it has ended."""
    held = (await hold_runs(connection, [run.run_id])).get(run.run_id)
    failed_before = None if held is None else await failed_slices(connection, held)
    run = as_failed(run, await failed_slices(connection, run), held, failed_before)
    run = as_ended(run, held, now)
    if takes_place(run, held):
        await take_place(connection, run)
    else:
        await end_generation(connection, run)
    return run


class Sums:
    """The sum of totals by measure and scenario, one after the other, so that it is the same whoever adds them up.

    A total that is null makes the sum null; without any it is 0. `groups`: the same by group.
    """

    def __init__(self, run: RunRow) -> None:
        self.scenario_ids = run.scenario_ids
        measures = [name for name in run.measures if name in TOTALLED]
        self._sums = {name: np.zeros(len(run.scenario_ids)) for name in measures}
        self.groups = GroupSums(measures if run.group_by else (), len(run.scenario_ids))

    def add(self, of_slice: SliceTotals) -> None:
        """Adds one slice's; one that failed has none. Reading them takes a while: it is for a thread."""
        for measure, by_scenario in orjson.loads(of_slice.totals).items():
            self._sums[measure] += np.array([by_scenario[name] for name in self.scenario_ids], dtype=np.float64)
        self.groups.add(GroupTotals.unpacked(orjson.loads(of_slice.groups), of_slice.group_sums, len(self.scenario_ids)))

    def totals(self) -> dict[str, dict[str, float | None]]:
        """The sums, as a run's totals."""
        return {measure: self._named(sums) for measure, sums in self._sums.items()}

    def _named(self, sums: Floats) -> dict[str, Any]:
        values = zip(self.scenario_ids, sums.tolist(), np.isfinite(sums).tolist(), strict=True)
        return {name: total if is_known else None for name, total, is_known in values}
