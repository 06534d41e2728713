"""An event's way through the engine, on real servers."""

from __future__ import annotations

from collections import Counter

from tests.support.notes import note
from tests.support.rig import Rig


async def test_an_event_has_its_effect_and_its_completion(rig: Rig) -> None:
    async with rig.engine():
        await rig.publish([note("n-1", "hello", correlationid="c-1")])
        [completion] = await rig.completions(1)
        await rig.idle()

    assert completion["type"] == "note.completed.v1"
    assert completion["causationid"] == "n-1"
    assert completion["correlationid"] == "c-1"
    assert completion["clientid"] == "acme"
    assert completion["data"] == {"status": "completed", "text": "hello"}
    assert await rig.rows("select event_id, text from notes") == [{"event_id": "n-1", "text": "hello"}]
    assert await rig.rows("select event_id, outcome from inbox") == [{"event_id": "n-1", "outcome": "completed"}]


async def test_many_events_are_each_completed_once(rig: Rig) -> None:
    ids = [f"n-{number}" for number in range(3000)]
    async with rig.engine():
        await rig.publish([note(each) for each in ids])
        completions = await rig.completions(len(ids))
        await rig.idle()

    assert Counter(each["causationid"] for each in completions) == Counter(ids)
    assert await rig.rows("select count(*) from notes") == [{"count": 3000}]
