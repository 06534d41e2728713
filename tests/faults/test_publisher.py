"""The producer that an outage has broken."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest

from storage.outbox import OutboxRow
from streams.publisher import Publisher
from tests.support.rig import PATIENCE, Rig, eventually
from tests.support.servers import Servers


def row(rig: Rig) -> OutboxRow:
    return OutboxRow(uuid4(), "notes", "acme", rig.spec.completed_topic, b"key", b"{}", None, uuid4())


async def number_of_tasks() -> int:
    return len(asyncio.all_tasks())


async def test_a_producer_that_an_outage_has_broken_is_replaced_and_leaves_nothing_behind(stack: Servers, fragile: Rig) -> None:
    before = await number_of_tasks()
    publisher = Publisher(fragile.kafka, timeout=PATIENCE)
    first, second = row(fragile), row(fragile)
    assert await publisher.publish([first]) == ([first], [])

    stack.pause("kafka")
    publisher.timeout = 1.0
    with pytest.raises(TimeoutError):
        await publisher.publish([second])
    await asyncio.gather(*publisher._retiring)  # the old producer has had its time for ending well, and then some
    publisher.timeout = PATIENCE
    stack.resume("kafka")

    async def publishes() -> bool:
        try:
            return await publisher.publish([second]) == ([second], [])
        except TimeoutError:
            return False

    await eventually(publishes, expected=True)
    await publisher.close()
    await eventually(number_of_tasks, expected=before)
