"""Upstream may publish in Kafka's transactions: what it took back was never said."""

from __future__ import annotations

from aiokafka import AIOKafkaProducer

from tests.support.notes import NotesFlow, note
from tests.support.offsets import remaining
from tests.support.rig import Rig, eventually


async def test_an_event_of_an_aborted_transaction_is_not_worked(rig: Rig) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=rig.kafka.bootstrap_servers, transactional_id=rig.spec.topic)
    await producer.start()
    try:
        await producer.begin_transaction()
        await producer.send_and_wait(rig.spec.topic, note("taken-back"), partition=0)
        await producer.abort_transaction()
        async with producer.transaction():
            await producer.send_and_wait(rig.spec.topic, note("said"), partition=0)
    finally:
        await producer.stop()

    async with rig.engine():
        [completion] = await rig.completions(1)
        # The marks that end transactions are no records, and are passed too.
        await eventually(lambda: remaining(rig.kafka, f"{rig.spec.topic}.notes", rig.spec.topic), 0)

    assert completion["causationid"] == "said"
    assert set(NotesFlow.worked) == {"said"}
