"""Records that Kafka deleted before they were read stop the lane; they are not skipped in silence."""

from __future__ import annotations

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.records_to_delete import RecordsToDelete

from storage import lanes
from streams.app import Engine
from tests.support.accounts import all_is_finished
from tests.support.notes import note
from tests.support.rig import Rig, eventually

BEFORE, AFTER = 6, 12


async def publish_to_one_partition(rig: Rig, numbers: range) -> None:
    await rig.publish_keyed([(b"same", note(f"n-{number}")) for number in numbers])


async def committed(rig: Rig, topic_partition: TopicPartition) -> int | None:
    consumer = AIOKafkaConsumer(bootstrap_servers=rig.kafka.bootstrap_servers, group_id=f"{rig.spec.topic}.notes")
    await consumer.start()
    try:
        offset: int | None = await consumer.committed(topic_partition)
    finally:
        await consumer.stop()
    return offset


async def delete_before(rig: Rig, topic_partition: TopicPartition, offset: int) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=rig.kafka.bootstrap_servers)
    await admin.start()
    await admin.delete_records({topic_partition: RecordsToDelete(before_offset=offset)})
    await admin.close()


async def three_are_lost(rig: Rig) -> TopicPartition:
    """Of one partition the first records are finished, and Kafka has deleted the next three."""
    async with rig.engine():
        await publish_to_one_partition(rig, range(BEFORE))
        await rig.until("select count(*) from notes", BEFORE)
        await all_is_finished(rig)  # the group has to have committed, or nothing counts as lost
    [partition] = await rig.partitions_in_use()
    place = TopicPartition(rig.spec.topic, partition)
    assert await committed(rig, place) == BEFORE
    await publish_to_one_partition(rig, range(BEFORE, AFTER))
    await delete_before(rig, place, BEFORE + 3)
    return place


async def test_a_lane_stops_where_records_were_deleted_unread(rig: Rig) -> None:
    place = await three_are_lost(rig)
    async with rig.engine() as engine:
        await eventually(lambda: stopped(engine), told(place))
        await eventually(lambda: told_of_database(engine), "ok")
    assert await committed(rig, place) == BEFORE


async def test_it_stops_for_all_workers_and_goes_on_behind_the_loss_once_a_person_has_looked(rig: Rig) -> None:
    place = await three_are_lost(rig)
    async with rig.engine() as one, rig.engine() as other:
        await eventually(lambda: stopped(one), told(place))
        await eventually(lambda: stopped(other), told(place))
        await rig.until("select cause from lanes where status = 'stopped'", "retention")
        async with rig.database.connection() as connection:
            assert await lanes.resume(connection, "notes", "me@here")
        await rig.until("select count(*) from notes", AFTER - 3)
        await eventually(lambda: stopped(one), None)
        await eventually(lambda: stopped(other), None)
        await eventually(lambda: committed(rig, place), AFTER)


async def test_a_loss_that_nobody_was_told_of_is_not_resumed_with_another(rig: Rig) -> None:
    other = lanes.Stop("notes", 0, "failures", "60 outcomes in a row failed", 60, 60, (), "host/1/a")
    place = await three_are_lost(rig)
    async with rig.database.connection() as connection:
        await lanes.stop(connection, other)
        async with rig.engine() as engine:
            await eventually(lambda: halted(engine), told(place).removeprefix("stopped: "))
            assert await lanes.resume(connection, "notes", "me@here")
            await rig.until("select reason from lanes where status = 'stopped'", engine.lanes[0].halted)
            assert await rig.count("notes") == BEFORE


async def told_of_database(engine: Engine) -> str:
    return (await engine.health())["database"]


async def halted(engine: Engine) -> str | None:
    return engine.lanes[0].halted


def told(place: TopicPartition) -> str:
    return f"stopped: Kafka deleted records before they were read: {place.topic}/{place.partition}: 6 to 8"


async def stopped(engine: Engine) -> str | None:
    return (await engine.health()).get("notes")
