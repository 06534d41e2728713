"""A lane that is full holds its consumer up, pauses it, and goes on; what it holds stays bounded."""

from __future__ import annotations

from dataclasses import replace

from tests.support.notes import note
from tests.support.rig import Rig

EVENTS = 400


async def test_a_full_lane_pauses_its_consumer_and_loses_nothing(rig: Rig) -> None:
    fetch = 20
    config = replace(
        rig.config,
        lane=replace(rig.config.lane, queue_records=50, patience=0.05),
        consumer=replace(rig.config.consumer, fetch_records=fetch),
    )
    await rig.publish([note(f"n-{number}", behave="sleep:0.01") for number in range(EVENTS)])
    held, paused = 0, False
    async with rig.engine(config) as engine:
        [lane], [intake] = engine.lanes, engine.intakes
        while await rig.count("notes") < EVENTS:
            held = max(held, lane.budget.held_records)
            paused = paused or bool(intake.consumer and intake.consumer.paused())
        await rig.idle()
    assert paused
    assert 50 <= held <= 50 + 2 * fetch
    assert lane.budget.held_records == lane.budget.held_size == 0
    assert len(await rig.completions(EVENTS)) == EVENTS
