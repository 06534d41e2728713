"""Records that Kafka deleted before they were read stop the lane; they are not skipped in silence."""

from __future__ import annotations

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.records_to_delete import RecordsToDelete

from streams.app import Engine
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


async def test_a_lane_stops_where_records_were_deleted_unread(rig: Rig) -> None:
    async with rig.engine():
        await publish_to_one_partition(rig, range(BEFORE))
        await rig.until("select count(*) from notes", BEFORE)
    [partition] = await rig.partitions_in_use()
    place = TopicPartition(rig.spec.topic, partition)
    assert await committed(rig, place) == BEFORE

    await publish_to_one_partition(rig, range(BEFORE, AFTER))
    await delete_before(rig, place, BEFORE + 3)
    async with rig.engine() as engine:
        await eventually(
            lambda: stopped(engine), f"stopped: Kafka deleted records before they were read: {place.topic}/{partition}: 6 to 8"
        )
        assert (await engine.health())["database"] == "ok"
    assert await committed(rig, place) == BEFORE


async def stopped(engine: Engine) -> str | None:
    return (await engine.health()).get("notes")
