"""What a plan says of a topic is what its records are, and what applying it comes to."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from events.failures import Outage
from ops.replay.planning import Planning
from ops.replay.selection import Selection
from streams.backoff import Backoff
from streams.decisions import RetryPolicy
from streams.kafka import KafkaConfig
from streams.publish import Outgoing, publish
from tests.support.notes import NotesFlow, note
from tests.support.offsets import remaining
from tests.support.operators import apply, plan, planned, replay_of
from tests.support.rig import Rig, eventually

IN_AN_HOUR = RetryPolicy(max_attempts=3, backoff=Backoff(base=3600, cap=3600))
STANDINGS = ("new", "done", "dead", "waiting", "conflicting", "rejected")


def standings(told: dict[str, Any]) -> dict[str, int]:
    return {name: told[name] for name in STANDINGS if told[name]}


async def a_bit_of_everything(rig: Rig) -> None:
    """3 done, one of them sent twice; 2 dead; 1 waiting; 1 conflicting; 3 rejected; then 4 that nobody has looked at."""
    done = [note(f"done-{each}") for each in range(3)]
    dead = [note(f"dead-{each}", behave="permanent") for each in range(2)]
    waiting = [note("waiting", behave="transient:1000")]
    garbage = [b"\xff", None, note("wrong", data={"text": 1})]
    async with rig.engine(replace(rig.config, retry=IN_AN_HOUR)):
        await rig.publish([*done, *dead, *waiting, *garbage])
        await rig.until("select count(*) from inbox", 5)
        await rig.publish_keyed([(b"0", done[0]), (b"0", note("done-1", text="another"))])
        await rig.until("select count(*) from dead_letters", 2 + 3 + 1)
        await rig.until("select count(*) from retries", 1)
        await rig.idle()
        # What is not committed before the worker leaves has not been reached.
        await eventually(lambda: remaining(rig.kafka, f"{rig.spec.topic}.{rig.spec.name}", rig.spec.topic), 0)
    await rig.publish([note(f"new-{each}") for each in (0, 1, 2, 1)])


async def test_each_record_is_counted_as_what_it_is(rig: Rig) -> None:
    await a_bit_of_everything(rig)

    found = await plan(rig)

    told = found.prediction.as_plain()
    assert standings(told) == {"new": 4, "done": 4, "dead": 2, "waiting": 1, "conflicting": 1, "rejected": 3}
    assert (told["records"], told["new_events"], told["repeated"], told["not_reached"]) == (15, 3, 2, 4)
    assert found.prediction.published(include_rejected=False) == 11
    assert found.replay_id is not None
    replay = await replay_of(rig, found.replay_id)
    assert replay.prediction == told
    assert (replay.status, replay.flow, replay.topic, replay.requested_by) == ("planned", "notes", rig.spec.topic, "me@here")
    assert sum(span.end_offset - span.first_offset for span in replay.spans) == 15


async def test_a_plan_publishes_nothing(rig: Rig) -> None:
    await rig.publish([note("e")])
    await planned(rig)
    assert len(await rig.published(rig.spec.topic, 1)) == 1


async def test_what_is_predicted_comes_true(rig: Rig) -> None:
    await a_bit_of_everything(rig)
    plan_id = await planned(rig)
    worked = NotesFlow.worked.copy()
    dead = await rig.count("dead_letters")
    # The workers skip to the end, as if they had lost what is new.
    await skip_to_the_end(rig)

    await apply(rig, plan_id)
    async with rig.engine():
        await rig.until("select count(*) from inbox", 5 + 3)
        await rig.idle()

    assert {each: count for each, count in (NotesFlow.worked - worked).items() if each != "waiting"} == {
        "new-0": 1, "new-1": 1, "new-2": 1,
    }  # fmt: skip
    assert await rig.count("dead_letters") == dead
    replay = await replay_of(rig, plan_id)
    assert (sum(span.published for span in replay.spans), sum(span.skipped for span in replay.spans)) == (11, 4)


async def skip_to_the_end(rig: Rig) -> None:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=rig.kafka.bootstrap_servers,
        group_id=f"{rig.spec.topic}.{rig.spec.name}",
        enable_auto_commit=False,
    )
    await consumer.start()
    try:
        partitions = [TopicPartition(rig.spec.topic, each) for each in range(3)]
        consumer.assign(partitions)
        await consumer.commit(await consumer.end_offsets(partitions))
    finally:
        await consumer.stop()


async def test_rejected_records_go_out_only_when_that_was_chosen_and_leave_letters_of_their_own(rig: Rig) -> None:
    async with rig.engine():
        await rig.publish([b"garbage", note("e")])
        await rig.until("select count(*) from dead_letters", 1)
        await rig.until("select count(*) from inbox", 1)
        assert (await plan(rig)).prediction.published(include_rejected=False) == 1
        await apply(rig, await planned(rig))
        assert await rig.count("dead_letters") == 1
        await apply(rig, await planned(rig, to_offset=1, include_rejected=True))
        await rig.until("select count(*) from dead_letters", 2)


async def test_only_a_clients_events_are_counted_and_published(rig: Rig) -> None:
    await rig.publish([note("mine"), note("theirs", clientid="rival"), b"nobody's"])
    plan_id = await planned(rig, client_id="rival", include_rejected=True)
    replay = await replay_of(rig, plan_id)
    assert standings(dict(replay.prediction)) == {"new": 1}
    assert replay.prediction["other_clients"] == 2

    await apply(rig, plan_id)

    records = await rig.published(rig.spec.topic, 4)
    assert sorted(each.value or b"" for each in records) == sorted(
        [note("mine"), note("theirs", clientid="rival"), note("theirs", clientid="rival"), b"nobody's"]
    )


async def test_times_choose_by_the_records_own_times(rig: Rig) -> None:
    now = datetime.now(UTC)
    async with AIOKafkaProducer(bootstrap_servers=rig.kafka.bootstrap_servers) as producer:
        for hours in (3, -0.5, 2, 1):  # one whose clock is ahead lies among them
            at = int((now - timedelta(hours=hours)).timestamp() * 1000)
            await producer.send_and_wait(rig.spec.topic, note(f"{hours}h"), partition=0, timestamp_ms=at)
    planning = Planning(rig.database, rig.kafka, rig.spec, "nobody", "me@here")

    async def counted(since: timedelta | None, until: timedelta | None) -> int:
        chosen = Selection(rig.spec.topic, since=await planning.at(since), until=await planning.at(until))
        return (await planning.plan(chosen)).prediction.records

    assert await counted(timedelta(minutes=150), None) == 3
    assert await counted(timedelta(minutes=150), timedelta(minutes=90)) == 1
    assert await counted(None, timedelta(minutes=90)) == 2
    assert await counted(timedelta(minutes=30), None) == 1
    assert await counted(timedelta(minutes=30), timedelta(minutes=1)) == 0


async def test_an_empty_selection_is_no_plan(rig: Rig) -> None:
    found = await plan(rig)
    assert (found.replay_id, found.prediction.records) == (None, 0)
    await rig.publish([note("e")])
    assert (await plan(rig, from_offset=1)).replay_id is None
    assert (await plan(rig, client_id="nobody")).replay_id is None
    assert await rig.count("replays") == 0


async def test_what_kafka_has_deleted_is_told(rig: Rig) -> None:
    await rig.publish_keyed([(b"one key", note(f"e-{each}")) for each in range(10)])
    [partition] = await rig.partitions_in_use()
    admin = AIOKafkaAdminClient(bootstrap_servers=rig.kafka.bootstrap_servers)
    await admin.start()
    try:
        await admin.delete_records({TopicPartition(rig.spec.topic, partition): RecordsToDelete(before_offset=4)})
    finally:
        await admin.close()
    found = await plan(rig, from_offset=1, partitions=(partition,))
    assert (found.prediction.records, found.prediction.deleted) == (6, 3)
    assert (await plan(rig)).prediction.deleted == 0


async def test_a_generation_counts_as_new_only_if_it_was_allotted(rig: Rig) -> None:
    await rig.publish([note("e", generation=1, replayid="r-1"), note("e", generation=2, replayid="r-1")])
    async with rig.database.connection() as connection:
        await connection.execute(
            "insert into generations values ('notes', '/tests', 'e', 1, 'r-1', null, 'me@here')",
        )
    assert standings((await plan(rig)).prediction.as_plain()) == {"new": 1, "rejected": 1}


async def test_a_topic_that_is_missing_and_a_kafka_that_is_away_are_told_apart(rig: Rig) -> None:
    async def plan_on(kafka: KafkaConfig, topic: str) -> None:
        await Planning(rig.database, kafka, replace(rig.spec, topic=topic), "nobody", "me").plan(Selection(topic))

    with pytest.raises(LookupError, match="no-such-topic"):
        await plan_on(rig.kafka, "no-such-topic")
    with pytest.raises(Outage):
        await plan_on(KafkaConfig("127.0.0.1:1", request_timeout=0.5), rig.spec.topic)


async def test_thousands_of_records_are_planned_and_applied(rig: Rig) -> None:
    values = [note(f"e-{each}") for each in range(5000)]
    await publish(rig.kafka, [Outgoing(rig.spec.topic, b"%d" % each, value) for each, value in enumerate(values)])
    found = await plan(rig)
    assert (found.prediction.records, found.prediction.new_events) == (5000, 5000)
    assert found.replay_id is not None
    await apply(rig, found.replay_id)
    records = await rig.published(rig.spec.topic, 10_000)
    assert len(records) == 10_000
    by_partition = {each: [r.value for r in records if r.partition == each] for each in range(3)}
    for there in by_partition.values():
        assert there[: len(there) // 2] == there[len(there) // 2 :]
