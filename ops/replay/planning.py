"""Planning a replay: its offsets are frozen, its records read once, its effect is predicted and kept with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

import structlog

from handlers.flow import FlowSpec
from ops.replay.failures import NotApplicable
from ops.replay.judging import judge
from ops.replay.prediction import Prediction
from ops.replay.reprocess import goes_again, refusal
from ops.replay.selection import Moment, Selection, Window, windows
from storage import replays
from storage.database import Database
from storage.replays import Span
from streams.away import kafka_errors_as_outages
from streams.kafka import KafkaConfig
from streams.lag import PartitionLag
from streams.ranges import RangeReader, offsets_at, places

log = structlog.get_logger(__name__)

BATCH_RECORDS = 2_000


@dataclass(frozen=True, slots=True)
class Planned:
    """What planning came to; no `replay_id` where nothing is selected, or nothing of it can be reprocessed."""

    selection: Selection
    windows: Mapping[int, Window]
    prediction: Prediction
    replay_id: UUID | None = None


class Planning:
    """Plans replays of one flow's topic, whose workers are of the consumer group `group`."""

    def __init__(self, database: Database, kafka: KafkaConfig, spec: FlowSpec, group: str, requested_by: str) -> None:
        self.database, self.kafka, self.spec, self.group, self.requested_by = database, kafka, spec, group, requested_by

    async def plan(self, selection: Selection, show: Callable[[int, int], None] = lambda _done, _of: None) -> Planned:
        """Freezes and predicts a selection, and keeps the plan unless it is empty. `show` is told of offsets done, and of all.

        Raises what the database raises, Outage when Kafka is away, LookupError for a topic and ValueError
        for a partition that there is not, RecordsDeleted when Kafka deletes what is being read, and NotApplicable for a flow
        whose events are not reprocessed.
        """
        why = refusal(self.spec.name) if selection.reprocess else None
        if why is not None:
            raise NotApplicable(f"{selection.topic} cannot be reprocessed: {why}")
        found, standing_at = await self._windows(selection)
        prediction = Prediction(deleted=sum(window.deleted for window in found.values()))
        await self._predict(selection, found, standing_at, prediction, show)
        planned = Planned(selection, found, prediction)
        if not (prediction.reprocessed if selection.reprocess else prediction.records):
            return planned
        replay_id = await self._keep(planned)
        log.info(
            "replay_planned",
            agent=self.spec.name,
            replay_id=str(replay_id),
            requested_by=self.requested_by,
            selection=selection.as_plain(),
            records=prediction.records,
        )
        return replace(planned, replay_id=replay_id)

    async def at(self, moment: Moment | None) -> datetime | None:
        """The time that is meant; how long ago counts from the database's clock."""
        if not isinstance(moment, timedelta):
            return moment
        async with self.database.connection() as connection:
            now: datetime = await connection.fetchval("select now()")
        return now - moment

    async def _windows(self, selection: Selection) -> tuple[dict[int, Window], dict[int, PartitionLag]]:
        with kafka_errors_as_outages():
            found = await places(self.kafka, self.spec.topic, self.group)
            numbers = [place.partition for place in found]
            at = selection.since
            since = {} if at is None else await offsets_at(self.kafka, self.spec.topic, numbers, at)
        return windows(selection, found, since), {place.partition: place for place in found}

    async def _predict(
        self,
        selection: Selection,
        found: Mapping[int, Window],
        standing_at: Mapping[int, PartitionLag],
        prediction: Prediction,
        show: Callable[[int, int], None],
    ) -> None:
        ranges = {partition: window.range for partition, window in found.items()}
        total = sum(each.end - each.first for each in ranges.values())
        reached = {partition: place.committed or 0 for partition, place in standing_at.items()}
        reader = RangeReader(self.kafka, self.spec.topic, ranges)
        try:
            while left := reader.left:
                show(total - sum(each.end - each.first for each in left.values()), total)
                records = selection.at_its_times(await reader.some(BATCH_RECORDS))
                async with self.database.connection() as connection:
                    judged = await judge(connection, self.spec, records, selection)
                prediction.other_clients += len(records) - len(judged)
                prediction.count(judged, reached)
                if selection.reprocess:
                    prediction.count_again(judged, [reading for reading, stands in judged if goes_again(reading, stands)])
        finally:
            await reader.close()

    async def _keep(self, planned: Planned) -> UUID:
        ranges = {partition: window.range for partition, window in planned.windows.items()}
        spans = [Span(partition, each.first, each.end, each.first) for partition, each in ranges.items()]
        told = planned.selection.as_plain(), planned.prediction.as_plain()
        async with self.database.transaction() as connection:
            mode = "reprocess" if planned.selection.reprocess else "redeliver"
            return await replays.plan(connection, self.spec.name, self.spec.topic, *told, self.requested_by, spans, mode)
