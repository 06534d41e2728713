"""The same key more than once: one effect, one completion, and a dead letter for whoever says something else."""

from __future__ import annotations

from collections import Counter

import pytest

from streams.publish import Outgoing, publish
from tests.support.accounts import all_is_finished
from tests.support.notes import NotesFlow, note
from tests.support.rig import Rig


async def test_twins_in_one_fetch_have_one_effect(rig: Rig) -> None:
    await rig.publish([note(f"n-{number // 5}") for number in range(500)])
    async with rig.engine():
        await all_is_finished(rig)

    completions = await rig.completions(100)
    assert Counter(each["causationid"] for each in completions) == Counter(f"n-{number}" for number in range(100))
    assert await rig.rows("select count(*) from notes") == [{"count": 100}]
    assert await rig.rows("select count(*) from dead_letters") == [{"count": 0}]
    assert set(NotesFlow.worked.values()) == {1}


async def test_twins_that_come_long_after_have_no_effect(rig: Rig) -> None:
    values = [note(f"n-{number}") for number in range(100)]
    async with rig.engine():
        await rig.publish(values)
        await all_is_finished(rig)
        await rig.publish(values[::-1])
        await all_is_finished(rig)

    assert len(await rig.completions(100)) == 100
    assert set(NotesFlow.worked.values()) == {1}


@pytest.mark.parametrize("apart", [False, True])
async def test_the_same_id_with_another_payload_is_a_conflict_without_a_completion(rig: Rig, apart: bool) -> None:
    first = Outgoing(rig.spec.topic, b"key", note("n-1", "first"))
    second = Outgoing(rig.spec.topic, b"key", note("n-1", "second"))
    async with rig.engine():
        if apart:
            await publish(rig.kafka, [first])
            await all_is_finished(rig)
            places = [(0, 0), *await publish(rig.kafka, [second])]
        else:
            places = await publish(rig.kafka, [first, second])
        [dead] = await rig.dead(1)
        await all_is_finished(rig)

    [completion] = await rig.completions(1)
    assert completion["data"]["text"] == "first"
    assert await rig.rows("select text from notes") == [{"text": "first"}]
    assert dict(dead.headers)["dlq-reason"] == b"payload_conflict"
    rows = await rig.rows('select partition, "offset", reason, attempts from dead_letters')
    assert rows == [{"partition": places[1][0], "offset": places[1][1], "reason": "payload_conflict", "attempts": 1}]


async def test_a_conflict_with_an_event_that_waits_for_its_retry_does_not_end_the_waiting(rig: Rig) -> None:
    waits = Outgoing(rig.spec.topic, b"key", note("n-1", "first", behave="transient:2"))
    other = Outgoing(rig.spec.topic, b"key", note("n-1", "second"))
    async with rig.engine():
        await publish(rig.kafka, [waits, other])
        [completion] = await rig.completions(1)
        await all_is_finished(rig)

    assert completion["data"] == {"status": "completed", "text": "first"}
    assert await rig.rows("select reason from dead_letters") == [{"reason": "payload_conflict"}]
    assert await rig.rows("select count(*) from retries") == [{"count": 0}]


async def test_a_twin_of_an_event_that_waits_for_its_retry_leaves_no_row_behind(rig: Rig) -> None:
    value = note("n-1", behave="transient:1")
    async with rig.engine():
        await rig.publish([value, value, value, note("n-2")])
        await rig.completions(2)
        await all_is_finished(rig)

    assert Counter(each["causationid"] for each in await rig.completions(2)) == Counter(["n-1", "n-2"])
    assert await rig.rows("select count(*) from dead_letters") == [{"count": 0}]
