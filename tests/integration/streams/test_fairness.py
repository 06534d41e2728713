"""One client's flood does not keep the others of a lane waiting until its end."""

from __future__ import annotations

import pytest

from tests.support.notes import NotesFlow, note, notes
from tests.support.rig import Rig

FLOOD, SMALL = 300, 5


@pytest.mark.parametrize(("batch", "hands"), [(1, 4), (8, 2)])
async def test_a_few_events_of_one_client_are_done_long_before_the_flood_of_another(
    rig: Rig, topic_prefix: str, batch: int, hands: int
) -> None:
    await rig.publish([note(f"f-{number}", behave="sleep:0.02", clientid="flood") for number in range(FLOOD)])
    async with rig.engine(spec=notes(topic_prefix, batch=batch, hands=hands)):
        await rig.until("select count(*) >= 10 from inbox", expected=True)
        await rig.publish([note(f"s-{number}", behave="sleep:0.02", clientid="small") for number in range(SMALL)])
        await rig.until("select count(*) from inbox", FLOOD + SMALL)
        await rig.idle()

    rows = await rig.rows("select client_id from inbox order by processed_at")
    places = [place for place, row in enumerate(rows) if row["client_id"] == "small"]
    began = next(place for place, event_id in enumerate(NotesFlow.worked) if event_id.startswith("s-"))
    assert len(places) == SMALL
    assert places[-1] < began + 20 * SMALL, "they were held up by what was there before them"
    assert places[-1] < FLOOD - 50, "the flood had ended anyway"
