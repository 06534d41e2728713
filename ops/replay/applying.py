"""Applying a replay: its records go out once more, in batches, at a bounded rate; how far it has come is kept after each.

A batch is repeated when what is known of it was lost with the process: its events are known by their keys.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

import structlog

from handlers.flow import FlowSpec
from ops.again import as_it_was
from ops.replay.bucket import TokenBucket
from ops.replay.claim import Claim
from ops.replay.failures import GaveUp, Gone, Stopped
from ops.replay.judging import judge
from ops.replay.patience import Patience, away_of, stopped_within
from ops.replay.reprocess import Reprocessing, goes_again
from ops.replay.selection import Selection
from ops.replay.standing import LEAVES_A_LETTER
from storage.database import Database
from storage.replays import Replay
from streams.away import kafka_errors_as_outages
from streams.kafka import KafkaConfig
from streams.ranges import Range, RangeReader, RecordsDeleted, places
from streams.read import Incoming
from streams.redelivery import NotTaken, Redeliverer

log = structlog.get_logger(__name__)

BATCH_RECORDS = 1_000
# Publishing may take twice as long, to connect and to send; the claim has to outlast that.
PUBLISH_SECONDS = 8.0
CLAIM_SECONDS = 30.0
LOOK_SECONDS = 1.0


class Ending(StrEnum):
    """How an apply ends, if it raises nothing."""

    APPLIED = "applied"
    STOPPED = "stopped"
    ABORTED = "aborted"


@dataclass(frozen=True, slots=True)
class Pace:
    """How an apply goes: at most so many records a second, through outages of so many seconds, its claim for so many."""

    rate: float
    patience: float = 60.0
    claim: float = CLAIM_SECONDS

    @property
    def batch(self) -> int:
        """Records of a batch: at most what one second allows."""
        return max(1, min(BATCH_RECORDS, int(self.rate)))


@dataclass(frozen=True, slots=True)
class Watcher:
    """Who is told after each batch how many offsets have been read, of how many; and what people should know."""

    progress: Callable[[int, int], None] = lambda _done, _total: None
    remark: Callable[[str], None] = lambda _text: None


class Applying:
    """One operator's apply of a replay. Once `stop` is set it ends in good order, after the batch in hand."""

    def __init__(
        self,
        database: Database,
        kafka: KafkaConfig,
        spec: FlowSpec,
        replay: Replay,
        pace: Pace,
        by: str,
        stop: asyncio.Event,
        watcher: Watcher,
    ) -> None:
        self.database, self.kafka, self.spec, self.replay = database, kafka, spec, replay
        self.pace, self.by, self.stop, self.watcher = pace, by, stop, watcher
        self.selection = Selection.of(replay.selection)
        self.claim = Claim(database, replay.id, timedelta(seconds=pace.claim))
        self.patience = Patience(pace.patience, stop, watcher.remark)
        self.bucket = TokenBucket(pace.rate, burst=pace.batch)
        self.reprocessing = Reprocessing(database, spec.name, replay.id, by)
        self.publisher = Redeliverer(kafka, timeout=PUBLISH_SECONDS)
        self.spans = {span.partition: span for span in replay.spans}
        self.status = "applying"
        self.kept_at = 0.0

    async def run(self) -> Ending:
        """Goes on from where the replay is, to its end.

        Raises ReplayError when it does not go on: with nothing done (NotApplicable, UnderWay, Gone), or with what was done kept
        (Gone, TakenOver, GaveUp). Before it begins, Outage and what the database raises.
        """
        await self._still_there()
        self.replay = await self.claim.take(self.by, self.pace.rate)
        self.spans = {span.partition: span for span in self.replay.spans}
        self.kept_at = self._now()
        log.info("replay_starts", **self._names(), requested_by=self.replay.requested_by, rate=self.pace.rate)
        ending = "failed"
        try:
            ending = await self._to_its_end()
        except GaveUp:
            ending = "outage"
            raise
        except RecordsDeleted as deleted:
            ending = "gone"
            raise Gone(str(deleted)) from None
        finally:
            await self.publisher.close()
            await self._give_back(ending)
            log.info("replay_ends", **self._names(), ending=ending, **self.totals())
        return Ending(ending)

    def totals(self) -> dict[str, int]:
        """How many records were published, skipped and refused by Kafka, over all applies."""
        counted = Counter[str]()
        for span in self.spans.values():
            counted.update(published=span.published, skipped=span.skipped, refused=span.refused)
        return dict(counted)

    async def _to_its_end(self) -> Ending:
        left = {each.partition: Range(each.next_offset, each.end_offset) for each in self.spans.values()}
        reader = RangeReader(self.kafka, self.replay.topic, left)
        try:
            while reader.left:
                if (ending := await self._allowed()) is not None:
                    return ending
                await self._batch(reader)
            applied = await self.patience.until_done(self.claim.finish)
        except Stopped:
            return Ending.STOPPED
        finally:
            await reader.close()
        return Ending.APPLIED if applied else Ending.ABORTED

    async def _batch(self, reader: RangeReader) -> None:
        records = self.selection.at_its_times(await self.patience.until_done(lambda: reader.some(self.pace.batch)))
        going = await self.patience.until_done(lambda: self._going(records))
        refused = await self.patience.until_done(lambda: self._publish(going))
        self.bucket.take(len(going), self._now())
        moved = {each: at for each, at in reader.positions.items() if at != self.spans[each].next_offset}
        self._count(moved, records, going, refused)
        if moved or self._now() - self.kept_at > self.pace.claim / 3:
            await self._keep()

    async def _allowed(self) -> Ending | None:
        """Waits while it is paused, and for its rate; why it ends here, if it does."""
        while True:
            if self.stop.is_set():
                return Ending.STOPPED
            if self.status == "aborted":
                return Ending.ABORTED
            wait = LOOK_SECONDS if self.status == "paused" else self.bucket.wait(self._now())
            if not wait:
                return None
            await stopped_within(self.stop, wait)
            if self.status == "paused":
                await self._look()

    async def _look(self) -> None:
        self._hear(await self.patience.until_done(self.claim.renew))
        self.kept_at = self._now()

    async def _keep(self) -> None:
        self._hear(await self.patience.until_done(lambda: self.claim.keep(self.spans.values())))
        self.kept_at = self._now()
        self._tell()

    def _tell(self) -> None:
        spans = self.spans.values()
        done = sum(span.next_offset - span.first_offset for span in spans)
        self.watcher.progress(done, sum(span.end_offset - span.first_offset for span in spans))

    def _hear(self, status: str) -> None:
        if status != self.status and "paused" in {status, self.status}:
            self.watcher.remark("it is paused, and waits to be resumed" if status == "paused" else "it is not paused any more")
        self.status = status

    async def _going(self, records: Sequence[Incoming]) -> list[Incoming]:
        """What goes out: the records as they were before any dead-letter topic had them, or their events' next generations."""
        if records and not self.selection.takes_all:
            async with self.database.connection() as connection:
                judged = await judge(connection, self.spec, records, self.selection)
            if self.selection.reprocess:
                return await self.reprocessing.records([each for each, standing in judged if goes_again(each, standing)])
            left_out = frozenset() if self.selection.include_rejected else LEAVES_A_LETTER
            records = [reading.record for reading, standing in judged if standing not in left_out]
        return [as_it_was(record) for record in records]

    async def _publish(self, records: Sequence[Incoming]) -> list[NotTaken]:
        with kafka_errors_as_outages():
            return await self.publisher.publish(records)

    def _count(
        self, moved: dict[int, int], records: Sequence[Incoming], going: Sequence[Incoming], refused: Sequence[NotTaken]
    ) -> None:
        read, sent = Counter(each.partition for each in records), Counter(each.partition for each in going)
        not_taken = Counter(each.record.partition for each in refused)
        for partition, offset in moved.items():
            span = self.spans[partition]
            self.spans[partition] = span._replace(
                next_offset=offset,
                published=span.published + sent[partition] - not_taken[partition],
                skipped=span.skipped + read[partition] - sent[partition],
                refused=span.refused + not_taken[partition],
            )
        for record, reason in refused:
            place = {"partition": record.partition, "offset": record.offset}
            log.error("replay_record_refused", replay_id=str(self.replay.id), topic=record.topic, reason=reason, **place)

    async def _still_there(self) -> None:
        """Raises Gone unless Kafka has all that is left."""
        with kafka_errors_as_outages():
            found = {each.partition: each for each in await places(self.kafka, self.replay.topic, f"millrace.{self.spec.name}")}
        for span in self.spans.values():
            place = found.get(span.partition)
            if span.next_offset == span.end_offset:
                continue
            if place is None or place.end < span.end_offset:
                raise Gone(f"partition {span.partition}: Kafka has no record up to {span.end_offset}: the topic was made anew")
            if place.start > span.next_offset:
                raise Gone(str(RecordsDeleted(span.partition, span.next_offset, place.start)))

    async def _give_back(self, why: str) -> None:
        """So that another need not wait for the claim to run out; where the database is away, it has to."""
        try:
            await self.claim.release(why)
        except Exception as error:
            if away_of(error) is None:
                raise
            log.warning("replay_not_released", replay_id=str(self.replay.id), seconds=self.pace.claim)

    def _names(self) -> dict[str, str]:
        return {"agent": self.spec.name, "replay_id": str(self.replay.id), "topic": self.replay.topic, "applied_by": self.by}

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
