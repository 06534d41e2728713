"""Cancelling runs: what is in work ends with what it has come to, and is completed as `cancelled`.

Of a run that is reprocessed this is the reprocess alone: the results that can be read stay.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from events.event import Event
from events.failures import Failure, Waiting
from handlers.answer import Answer
from handlers.price.engine import PRICER_VERSION
from handlers.price.stored import answer_of, asker_of
from handlers.resources import Resources
from storage.database import Connection
from storage.plans import cancel_run, read_plan
from storage.run_generations import cancel_generations
from storage.runs import RunRow, stored_runs

# The run's event may be on its way still.
UNKNOWN_SECONDS = 60.0


class CancelFlow:
    """Looks whether there is such a run in `load`; decides in `save`."""

    def __init__(self, resources: Resources) -> None:
        self.database = resources.database

    async def load(self, events: Sequence[Event]) -> list[Failure | None]:
        """Nothing, or Waiting for a run that is not there, or another client's."""
        async with self.database.connection() as connection:
            runs = await stored_runs(connection, [UUID(event.data.run_id) for event in events])
        owners = {run.run_id: run.client_id for run in runs.values()}
        return [
            None if owners.get(UUID(event.data.run_id)) == event.client_id else _unknown(event.data.run_id) for event in events
        ]

    async def work(self, events: Sequence[Event], loaded: Sequence[None]) -> Sequence[None]:  # noqa: ARG002 - nothing to do
        """Nothing."""
        return loaded

    async def save(
        self, connection: Connection, events: Sequence[Event], results: Sequence[Failure | None]
    ) -> list[Answer | Waiting]:
        """Cancels runs in the order of their ids; each event is answered with how its run stands now."""
        now = datetime.now(UTC)
        answers: dict[int, Answer | Waiting] = {}
        for place in sorted(range(len(events)), key=lambda place: UUID(events[place].data.run_id)):
            failure = results[place]
            if failure is not None:
                answers[place] = Answer(_not_cancelled(events[place], failure, now), failure)
            else:
                answers[place] = await _cancelled(connection, events[place], now)
        return [answers[place] for place in range(len(events))]


async def _cancelled(connection: Connection, event: Event, now: datetime) -> Answer | Waiting:
    run_id = UUID(event.data.run_id)
    ended = [await cancel_run(connection, run_id, event.client_id, now)]
    ended += [] if ended[0] else await cancel_generations(connection, run_id, event.client_id, now)
    if cancelled := [run for run in ended if run is not None]:
        answers = [await _told(connection, run) for run in cancelled]
        return replace(answers[0], to=(None, *answers[0].to), also=answers[1:])
    run = (await stored_runs(connection, [run_id])).get(run_id)
    if run is None:
        return _unknown(event.data.run_id)
    if run.status == "planned":  # since we looked for something to cancel
        return await _cancelled(connection, event, now)
    # That the run has failed is no failure of the request.
    return Answer(answer_of(run).data)


async def _told(connection: Connection, run: RunRow) -> Answer:
    """The completion of the event by which the run was asked for."""
    plan = await read_plan(connection, run.run_id, run.generation)
    return replace(answer_of(run), to=(asker_of(run, plan),))


def _unknown(run_id: str) -> Waiting:
    return Waiting("run_not_found", f"this client has no run {run_id}", UNKNOWN_SECONDS)


def _not_cancelled(event: Event, failure: Failure, now: datetime) -> dict[str, Any]:
    return {
        "run_id": event.data.run_id,
        "status": "failed",
        "positions": 0,
        "errors": 0,
        "scenarios": [],
        "measures": [],
        "totals": {},
        "input_sha256": None,
        "pricer_version": PRICER_VERSION,
        "started_at": now,
        "completed_at": now,
        "failure": {"code": failure.code, "message": failure.message},
    }
