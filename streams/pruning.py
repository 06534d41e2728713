"""The loops that forget: of the inbox what is older than Kafka can bring again, of runs what nobody reads any more."""

from __future__ import annotations

import asyncio
import random
import time
from abc import ABC, abstractmethod
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import timedelta

import structlog

from storage import pruning
from storage.database import Database
from storage.faults import fault_of
from storage.run_pruning import drop_generations
from streams import metrics

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Retention:
    """How many days something is kept, and how gently it goes then: batches of `rows`, a round all `interval` seconds.

    Between two batches the loop rests `rest` times as long as the one took, so that it has a quarter of one session.
    """

    days: float
    rows: int
    interval: float = 600.0
    rest: float = 3.0


INBOX = Retention(days=30.0, rows=1_000)
# Of a run, the generations that are not read any more.
RUN_HISTORY = Retention(days=7.0, rows=5_000)


class Rounds(ABC):
    """A loop of rounds that drop what is old while the worker runs; of several workers, one at a time."""

    what: str

    def __init__(self, database: Database, retention: Retention) -> None:
        self.database, self.retention = database, retention
        self.age = timedelta(days=retention.days)

    async def run(self) -> None:
        """A round now and then, until cancelled."""
        while True:
            # Workers that were started together should not come together.
            await asyncio.sleep(self.retention.interval * (0.5 + random.random()))  # noqa: S311 - no secret
            try:
                await self.round()
            except Exception as error:
                if fault_of(error) is None:
                    raise
                log.warning("pruning_waits", what=self.what, error=repr(error))

    @abstractmethod
    async def round(self) -> int:
        """Drops all that is old now, batch by batch, unless another worker is about it; returns how many rows."""

    async def rest(self, began: float) -> None:
        """So that it has a quarter of one session; `began` is when its batch did, by the monotonic clock."""
        await asyncio.sleep(self.retention.rest * (time.monotonic() - began))


class Pruner(Rounds):
    """Drops old rows of the inbox."""

    what = "inbox"

    async def round(self) -> int:
        """Drops all that is old now, batch by batch, unless another worker is about it; returns how many rows."""
        async with self.database.transaction() as connection:
            await pruning.summarise(connection)
        emptied, total = set[int](), 0
        while dropped := await self._batch():
            emptied |= dropped.keys()
            total += sum(dropped.values())
        if emptied:
            async with self.database.transaction() as connection:
                await pruning.forget(connection, emptied)
            log.info("inbox_pruned", rows=total)
        return total

    async def _batch(self) -> dict[int, int] | None:
        began = time.monotonic()
        async with self.database.transaction() as connection:
            dropped = await pruning.drop(connection, self.age, self.retention.rows)
        if dropped:
            metrics.INBOX_DROPPED.inc(sum(dropped.values()))
            await self.rest(began)
        return dropped


class RunPruner(Rounds):
    """Drops generations of runs that have been past for long enough, with their rows."""

    what = "run_history"

    async def round(self) -> int:
        """Drops all that is old now, batch by batch, unless another worker is about it; returns how many rows."""
        total = 0
        while dropped := await self._batch():
            total += dropped
        if total:
            log.info("run_history_pruned", rows=total)
        return total

    async def _batch(self) -> int | None:
        began = time.monotonic()
        async with self.database.transaction() as connection:
            dropped = await drop_generations(connection, self.age, self.retention.rows)
        if dropped:
            metrics.RUN_HISTORY_DROPPED.inc(dropped)
            await self.rest(began)
        return dropped


def pruning_loops(database: Database, inbox: Retention, history: Retention) -> list[Coroutine[None, None, None]]:
    """What a worker has forgotten while it runs."""
    return [Pruner(database, inbox).run(), RunPruner(database, history).run()]
