"""One client's flood does not keep the others of a lane waiting until its end."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from streams.lane import Lane
from tests.support.notes import NotesFlow, note, notes
from tests.support.rig import Rig, eventually

FLOOD, SMALL = 300, 5
# So many of the flood are worked on before the others come.
BEGUN = 40


@pytest.fixture
def go_on(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """The flood stands still in its midst until that is set, so that it cannot end before the others come."""
    go_on, work = asyncio.Event(), NotesFlow._work

    async def waiting(flow: NotesFlow, event: Any) -> Any:
        if event.client_id == "flood" and len(NotesFlow.worked) >= BEGUN:
            await go_on.wait()
        return await work(flow, event)

    monkeypatch.setattr(NotesFlow, "_work", waiting)
    return go_on


async def small_waiting(lane: Lane) -> int:
    return len(lane._ready._waiting.get("small", ()))


@pytest.mark.parametrize(("batch", "hands"), [(1, 4), (8, 2)])
async def test_a_few_events_of_one_client_are_done_long_before_the_flood_of_another(
    rig: Rig, topic_prefix: str, batch: int, hands: int, go_on: asyncio.Event
) -> None:
    await rig.publish([note(f"f-{number}", behave="sleep:0.02", clientid="flood") for number in range(FLOOD)])
    async with rig.engine(spec=notes(topic_prefix, batch=batch, hands=hands, timeout=300.0)) as engine:
        await rig.until("select count(*) >= 10 from inbox", expected=True)
        await rig.publish([note(f"s-{number}", behave="sleep:0.02", clientid="small") for number in range(SMALL)])
        await eventually(lambda: small_waiting(engine.lanes[0]), SMALL)
        go_on.set()
        await rig.until("select count(*) from inbox", FLOOD + SMALL)
        await rig.idle()

    rows = await rig.rows("select client_id from inbox order by processed_at")
    places = [place for place, row in enumerate(rows) if row["client_id"] == "small"]
    began = next(place for place, event_id in enumerate(NotesFlow.worked) if event_id.startswith("s-"))
    assert len(places) == SMALL
    assert places[-1] < began + 20 * SMALL, "they were held up by what was there before them"
    assert places[-1] < FLOOD - 50, "the flood had ended anyway"
