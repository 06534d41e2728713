"""Which generation of a run is read: the newest one that is finished.

A first one is read as it comes. A later one stands aside while it is worked on, and takes the place of the one before when it
is finished; one that comes to nothing, or after a newer one, leaves what is read as it is. So does one that lost slices, unless
what is read has no more than it: positions that can be read are not given away for cells with errors.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from events.text import printable
from handlers.price.stored import known_code
from storage.database import Connection
from storage.plans import FailedSlices
from storage.run_generations import RunKey, add_generations, generations_aside, hold_runs, replace_runs
from storage.runs import RunRow, insert_runs


def as_ended(row: RunRow, held: RunRow | None, now: datetime) -> RunRow:
    """How a generation has ended where `held` is read: `superseded` after a newer one, whatever became of it."""
    if held is None or held.generation < row.generation:
        return row
    end = row.completed_at or now
    return row._replace(status="superseded", completed_at=end, failure_code=None, failure_message=None)


def as_failed(row: RunRow, failed: FailedSlices | None, held: RunRow | None, failed_before: FailedSlices | None) -> RunRow:
    """How a generation beside `held` has ended with its last slice: `failed` if slices of it failed and nothing is won by it.

    It is where none of them is done, or where what is read is whole: `held` has ended well and no slice of it failed.
    """
    if failed is None:
        return row
    is_whole = held is not None and held.status in {"completed", "partial"} and failed_before is None
    if failed.slices < row.slices and not is_whole:
        return row
    told = f"{failed.slices:,} of {row.slices:,} slices failed; the first, slice {failed.first}: {failed.message}"
    return row._replace(status="failed", totals={}, failure_code=known_code(failed.code), failure_message=printable(told))


def takes_place(row: RunRow, held: RunRow | None) -> bool:
    """Whether a generation is to be read instead of `held`: of a failed run there is nothing to be read."""
    if held is None:
        return True
    if row.generation <= held.generation:
        return False
    return held.status == "failed" or row.status in {"completed", "partial"}


@dataclass(slots=True)
class Placing:
    """Decides where the rows of one transaction go. `read`: what is read of each run, `aside`: what is not, as both will be."""

    read: dict[UUID, RunRow]
    aside: dict[RunKey, RunRow]
    now: datetime
    replacing: dict[UUID, RunRow] = field(default_factory=dict)
    added: list[RunRow] = field(default_factory=list)

    def put(self, row: RunRow) -> RunRow:
        """The row of which the event of `row` is told: `row` itself where it is stored, or what is stored of its generation.

        Where nothing is to be stored that is what is read, or in work. Of one run older generations come first. Generations are
        counted by event: a lower one of another event than that of what is read is no older work, and is answered from it.
        """
        held, key = self.read[row.run_id], RunKey(row.run_id, row.generation)
        if key in self.aside:
            return self.aside[key]
        if row.generation == held.generation or row.request_sha256 != held.request_sha256 or held.status == "planned":
            return held
        if row.generation < held.generation and (row.source, row.event_id) != (held.source, held.event_id):
            return held
        row = as_ended(row, held, self.now)
        if takes_place(row, held):
            self._replace(row, held)
        else:
            self._set_aside(row)
        return row

    def _replace(self, row: RunRow, held: RunRow) -> None:
        if row.run_id in self.replacing:  # it was to be read since this transaction
            self._set_aside(held)
        self.read[row.run_id] = self.replacing[row.run_id] = row

    def _set_aside(self, row: RunRow) -> None:
        self.aside[RunKey(row.run_id, row.generation)] = row
        self.added.append(row)


async def place(connection: Connection, rows: Iterable[RunRow], now: datetime) -> list[RunRow]:
    """Stores the rows of requests; of each the row that its request is told of, itself where it is stored as it is.

    Waits for other transactions that store one of these runs.
    """
    given = list(rows)
    oldest_first = sorted(given, key=lambda row: row.generation)
    later = [row for row in oldest_first if row.generation]
    held = await hold_runs(connection, {row.run_id for row in later}) if later else {}
    first = {row.run_id: row for row in reversed(oldest_first) if row.run_id not in held}
    stored = held | first | await insert_runs(connection, list(first.values()))
    told = {id(row): stored[row.run_id] for row in given}
    again = [row for row in later if stored[row.run_id] is not row]
    if again:
        told |= await _place_again(connection, again, now)
    return [told[id(row)] for row in given]


async def _place_again(connection: Connection, rows: list[RunRow], now: datetime) -> dict[int, RunRow]:
    """The same for later generations of runs that are stored, by the identity of the rows."""
    held = await hold_runs(connection, {row.run_id for row in rows})
    aside = await generations_aside(connection, {RunKey(row.run_id, row.generation) for row in rows})
    placing = Placing(held, aside, now)
    told = {id(row): placing.put(row) for row in rows}
    await add_generations(connection, placing.added)
    await replace_runs(connection, list(placing.replacing.values()))
    return told
