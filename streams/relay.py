"""From the outbox to Kafka: what this worker has just committed, and what a dead one left behind."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

import structlog
from aiokafka.errors import KafkaError

from storage import outbox
from storage.database import Database
from storage.faults import fault_of
from storage.outbox import OutboxRow
from streams import metrics
from streams.backoff import Backoff
from streams.outages import Outages
from streams.publisher import Publisher, Refused
from streams.stages import Stages, Trace, no_trace

log = structlog.get_logger(__name__)

TAKE_OVER_ROWS = 500
# What this relay has in hand may be late; a row of its own that it has lost sight of (a delete that a crash of Postgres
# undid, for example) is found again, only later.
OWN_AFTER_CLAIMS = 3
# Published rows are deleted together with those of so many seconds: a transaction costs more than the rows that it deletes.
REAP_LINGER = 0.05


@dataclass(slots=True, eq=False)
class Publication:
    """Rows to publish, when they were claimed (monotonic seconds), and what follows when all of them have left."""

    flow: str
    rows: list[OutboxRow]
    then: Callable[[], Awaitable[None]]
    claimed: float = field(default_factory=time.monotonic)


class Relay:
    """Publishes committed rows and deletes them; takes over rows whose claim has run out.

    `claim` seconds is how long a row is its writer's own; a publication that takes longer renews it first and goes on
    with the rows that are still its own.
    """

    def __init__(
        self,
        database: Database,
        publisher: Publisher,
        owner: UUID,
        *,
        outages: Outages,
        claim: float = 20.0,
        waiting: int = 4,
        trace: Trace = no_trace,
    ) -> None:
        self.database, self.publisher, self.owner, self.outages = database, publisher, owner, outages
        self.claim = timedelta(seconds=claim)
        self.backoff = Backoff(base=0.2, cap=5.0)
        self.trace = trace
        self._queue: asyncio.Queue[Publication] = asyncio.Queue(waiting)
        self._handed_over: list[Publication] = []
        self._published: list[UUID] = []
        self._to_delete = asyncio.Event()

    async def put(self, publication: Publication) -> None:
        """Hands over a committed group; waits while Kafka is behind, so that lanes wait too."""
        self._handed_over.append(publication)
        await self._queue.put(publication)

    async def publish(self) -> None:
        """Publishes what is handed over, until cancelled; two of these run side by side."""
        while True:
            publication = await self._queue.get()
            self._handed_over.remove(publication)
            if publication.rows:
                with Stages(publication.flow, self.trace)("publish"):
                    await self._until_published(publication.rows, publication.claimed)
            await publication.then()

    async def hold(self) -> None:
        """Keeps the claims of what waits to be published, until cancelled: it is late, not abandoned."""
        while True:
            await asyncio.sleep(self.claim.total_seconds() / 4)
            late = time.monotonic() - self.claim.total_seconds() / 2
            for publication in [each for each in self._handed_over if each.rows and each.claimed < late]:
                publication.rows = await self._renewed(publication.rows)
                publication.claimed = time.monotonic()

    async def take_over(self) -> None:
        """Looks for rows whose claim has run out, until cancelled."""
        interval = self.claim.total_seconds() / 6
        while True:
            try:
                async with self.database.connection() as connection:
                    rows = await outbox.take_over(
                        connection, self.owner, self.claim, TAKE_OVER_ROWS, OWN_AFTER_CLAIMS * self.claim
                    )
                    waiting, age = await outbox.backlog(connection)
                metrics.OUTBOX_ROWS.set(waiting)
                metrics.OUTBOX_AGE.set(age)
            except Exception as error:
                if fault_of(error) is None:
                    raise
                log.warning("relay_waits", error=repr(error))
                rows = []
            if rows:
                log.info("relay_took_over", rows=len(rows))
                await self._until_published(rows, time.monotonic())
            else:
                await asyncio.sleep(interval)

    async def reap(self) -> None:
        """Deletes published rows in a session of its own, many at a time, until cancelled."""
        while True:
            await self._to_delete.wait()
            await asyncio.sleep(REAP_LINGER)
            self._to_delete.clear()
            await self.delete_published()

    async def delete_published(self) -> None:
        """Deletes what has been published. A row that stays is published again, under the same id."""
        ids, self._published = self._published, []
        if not ids:
            return
        try:
            async with self.database.transaction() as connection:
                await connection.execute("set local synchronous_commit = off")
                await outbox.delete(connection, ids)
        except asyncio.CancelledError:
            self._published = ids + self._published  # a stopping engine deletes them last of all
            raise
        except Exception as error:
            if fault_of(error) is None:
                raise
            self._published = ids + self._published
            log.warning("outbox_not_deleted", rows=len(ids), error=repr(error))
            await asyncio.sleep(self.backoff.delay(3))
            self._to_delete.set()

    async def _until_published(self, rows: Sequence[OutboxRow], claimed: float) -> None:
        attempt, left = 0, list(rows)
        while left:
            if time.monotonic() - claimed > self.claim.total_seconds() / 2:
                left, claimed = await self._renewed(left), time.monotonic()
                continue
            try:
                arrived, refused = await self.publisher.publish(left)
            except (KafkaError, TimeoutError, OSError) as error:
                attempt += 1
                log.warning("publish_waits", rows=len(left), attempt=attempt, error=repr(error))
                await self._wait_for_kafka(error, attempt)
                continue
            for each in refused:
                await self._park(each)
            self._published_now(arrived)
            gone = {row.id for row in arrived} | {each.row.id for each in refused}
            left = [row for row in left if row.id not in gone]

    async def _wait_for_kafka(self, error: BaseException, attempt: int) -> None:
        """Waits until Kafka is back, or a moment if it answers; never so long that a claim runs out meanwhile."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self.claim.total_seconds() / 4):
                if not await self.outages.waited(error, "relay", "publish"):
                    await asyncio.sleep(self.backoff.delay(attempt))

    def _published_now(self, rows: Sequence[OutboxRow]) -> None:
        for topic, count in Counter([row.topic for row in rows]).items():
            metrics.PUBLISHED.labels(topic).inc(count)
        self._published += [row.id for row in rows]
        self._to_delete.set()

    async def _renewed(self, rows: list[OutboxRow]) -> list[OutboxRow]:
        """The rows that are still ours. While Postgres is away too there is nobody who could take them."""
        try:
            async with self.database.connection() as connection:
                ours = await outbox.renew(connection, [row.id for row in rows], self.owner, self.claim)
        except Exception as error:
            if fault_of(error) is None:
                raise
            log.warning("claim_not_renewed", rows=len(rows), error=repr(error))
            await asyncio.sleep(self.backoff.delay(3))
            return rows
        return [row for row in rows if row.id in ours]

    async def _park(self, refused: Refused) -> None:
        """Sets a refused row aside and says so; until that is written the row is not given up."""
        metrics.PARKED.labels(refused.row.topic).inc()
        log.error("outbox_row_parked", id=str(refused.row.id), topic=refused.row.topic, error=str(refused))
        attempt = 0
        while True:
            try:
                async with self.database.connection() as connection:
                    await outbox.park(connection, refused.row.id, str(refused))
            except Exception as error:
                if fault_of(error) is None:
                    raise
                attempt += 1
                await asyncio.sleep(self.backoff.delay(attempt))
            else:
                return
