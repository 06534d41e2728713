"""The gauges of lanes and lag."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from aiokafka.errors import KafkaError

from streams import metrics
from streams.lane import Lane

WATCH_SECONDS = 5.0


async def watch(lanes: Sequence[Lane]) -> None:
    """Keeps the gauges until cancelled; a partition that was given back has none here."""
    shown: set[tuple[str, str]] = set()
    while True:
        lags: dict[tuple[str, str], int] = {}
        for lane in lanes:
            metrics.HELD_RECORDS.labels(lane.spec.name).set(lane.budget.held_records)
            metrics.HELD_BYTES.labels(lane.spec.name).set(lane.budget.held_size)
            lags |= {(topic, str(partition)): lag for topic, partition, lag in await _lags(lane)}
        for place, lag in lags.items():
            metrics.LAG.labels(*place).set(lag)
        for place in shown - lags.keys():
            metrics.LAG.remove(*place)
        shown = set(lags)
        await asyncio.sleep(WATCH_SECONDS)


async def _lags(lane: Lane) -> list[tuple[str, int, int]]:
    try:
        async with asyncio.timeout(WATCH_SECONDS):
            return await lane.offsets.lags()
    except (KafkaError, TimeoutError, AssertionError):
        return []  # a rebalance is under way
