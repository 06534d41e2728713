"""The watermark never passes what is not finished, and gets as far as it may."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError
from hypothesis import given
from hypothesis import strategies as st

from streams.offsets import PART, Offsets, Partition

TP = TopicPartition("runs.requested", 0)


@given(st.lists(st.integers(1, 5), min_size=1, max_size=8), st.randoms())
def test_the_watermark_is_the_end_of_the_last_fetch_before_the_first_unfinished_one(sizes: list[int], random: Any) -> None:
    partition = Partition(TP)
    ends, fetches, offset = [], [], 0
    for size in sizes:
        offset += size + random.randrange(3)  # transactions leave gaps
        ends.append(offset)
        fetches.append(partition.deliver(offset - size, offset, size))
    unfinished = [place for place, size in enumerate(sizes) for _ in range(size)]
    random.shuffle(unfinished)
    while unfinished:
        fetches[unfinished.pop()].left -= 1
        partition.advance()
        first = min(unfinished, default=len(sizes))
        assert partition.watermark == (ends[first - 1] if first else None)


class FakeConsumer:
    def __init__(self, error: Exception | None = None) -> None:
        self.committed: list[dict[TopicPartition, int]] = []
        self.error, self.tried, self.has_committed = error, asyncio.Event(), asyncio.Event()

    async def commit(self, offsets: dict[TopicPartition, int]) -> None:
        self.tried.set()
        if self.error:
            raise self.error
        self.committed.append(offsets)
        self.has_committed.set()


def offsets_with(consumer: FakeConsumer) -> Offsets:
    offsets = Offsets("runs", interval=0.0, pause=0.0)
    offsets.consumer = lambda: consumer
    offsets.checked.set()
    return offsets


async def test_only_what_moved_is_committed() -> None:
    consumer = FakeConsumer()
    offsets = offsets_with(consumer)
    offsets.finish([offsets.partition("runs.requested", 0).deliver(6, 7, 1)])
    offsets.partition("runs.requested", 1).deliver(8, 9, 1)
    assert await offsets.commit(offsets.partitions.values())
    assert await offsets.commit(offsets.partitions.values())
    assert consumer.committed == [{TP: 7}]


def test_a_fetch_is_passed_once_each_of_its_records_has_been_finished() -> None:
    offsets = offsets_with(FakeConsumer())
    partition = offsets.partition("runs.requested", 0)
    first, second = partition.deliver(0, 3, 3), partition.deliver(3, 5, 2)
    offsets.finish([second, first, second, first])
    assert partition.watermark is None
    offsets.finish([first])
    assert partition.watermark == 5


def test_a_large_batch_is_counted_in_parts_so_that_offsets_pass_what_is_done_of_it() -> None:
    offsets = offsets_with(FakeConsumer())
    records = [SimpleNamespace(topic="runs.requested", partition=0, offset=10 + number) for number in range(2 * PART + 7)]
    fetches = offsets.deliver(records, 10 + len(records))  # type: ignore[arg-type]
    partition = offsets.partition("runs.requested", 0)
    assert (len(fetches), partition.begin, partition.end) == (len(records), 10, 10 + len(records))
    offsets.finish(fetches[:PART])
    assert partition.watermark == 10 + PART
    offsets.finish(fetches[2 * PART :])
    assert partition.watermark == 10 + PART
    offsets.finish(fetches[PART : 2 * PART])
    assert partition.watermark == 10 + len(records)


def test_what_stands_behind_the_last_record_and_is_none_is_passed_with_it() -> None:
    offsets = offsets_with(FakeConsumer())
    records = [SimpleNamespace(topic="runs.requested", partition=0, offset=offset) for offset in (4, 5)]
    offsets.finish(offsets.deliver(records, 9))  # type: ignore[arg-type]
    assert offsets.partition("runs.requested", 0).watermark == 9


def test_a_fetch_that_is_split_lets_offsets_pass_each_of_its_records() -> None:
    offsets = offsets_with(FakeConsumer())
    partition = offsets.partition("runs.requested", 0)
    before, fetch, after = partition.deliver(0, 2, 2), partition.deliver(2, 9, 3), partition.deliver(9, 10, 1)
    first, second, third = partition.split(fetch, [3, 6, 9])
    offsets.finish([before, before, first, third])
    assert partition.watermark == 3
    offsets.finish([second])
    assert partition.watermark == 9
    offsets.finish([after])
    assert partition.watermark == 10


async def test_nothing_is_committed_before_the_assignment_is_checked() -> None:
    consumer = FakeConsumer()
    offsets = offsets_with(consumer)
    offsets.checked.clear()
    offsets.finish([offsets.partition("runs.requested", 0).deliver(6, 7, 1)])
    assert not await offsets.commit(offsets.partitions.values())
    assert consumer.committed == []


async def test_a_commit_that_failed_is_tried_again_without_further_records() -> None:
    consumer = FakeConsumer(KafkaConnectionError("away"))
    offsets = offsets_with(consumer)
    task = asyncio.create_task(offsets.run())
    offsets.finish([offsets.partition("runs.requested", 0).deliver(6, 7, 1)])
    await consumer.tried.wait()
    consumer.error = None
    await asyncio.wait_for(consumer.has_committed.wait(), 120)
    task.cancel()
    assert consumer.committed[0] == {TP: 7}


async def test_a_revoked_partition_commits_what_it_finished_and_a_new_assignment_starts_afresh() -> None:
    consumer = FakeConsumer()
    offsets = offsets_with(consumer)
    old = offsets.partition("runs.requested", 0)
    first, second = old.deliver(4, 5, 1), old.deliver(8, 9, 1)
    offsets.finish([first])
    gone = offsets.revoke([TP])
    assert gone == [old]
    assert old.dead
    assert offsets.partition("runs.requested", 0) is not old
    offsets.finish([second])
    await offsets.commit(offsets.partitions.values())
    assert consumer.committed == []
    await offsets.commit(gone)
    assert consumer.committed == [{TP: 9}]


class FakeAssignment(FakeConsumer):
    """Holds three partitions of which Kafka has 100 records each; the third has not been fetched."""

    def assignment(self) -> set[TopicPartition]:
        return {TopicPartition("runs.requested", number) for number in range(3)}

    def highwater(self, partition: TopicPartition) -> int | None:
        return None if partition.partition == 2 else 100

    async def position(self, _partition: TopicPartition) -> int:
        return 97


async def test_the_lag_counts_what_is_in_hand_even_where_nothing_was_ever_finished() -> None:
    offsets = offsets_with(FakeAssignment())
    offsets.partition("runs.requested", 0).deliver(40, 90, 50)
    assert sorted(await offsets.lags()) == [("runs.requested", 0, 60), ("runs.requested", 1, 3)]
    offsets.finish([offsets.partition("runs.requested", 1).deliver(97, 99, 1)])
    assert ("runs.requested", 1, 1) in await offsets.lags()
