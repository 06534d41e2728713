"""Events that are worked on again, as operators have them published."""

from __future__ import annotations

import orjson

from events.build import of_generation
from tests.support.rig import Rig

REPLAY = "a-replay"
ALLOT = """
insert into generations (flow, source, event_id, generation, replay_id, requested_by)
values ('runs', $1, $2, $3, $4, 'me@here')
"""


async def again(rig: Rig, value: bytes, generation: int = 1) -> bytes:
    """The event for a generation, which is allotted to it."""
    event = orjson.loads(value)
    await rig.rows(ALLOT, event["source"], event["id"], generation, REPLAY)
    return of_generation(value, generation, REPLAY)
