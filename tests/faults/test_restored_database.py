"""Redis only saves work: what it forgets, or remembers too well, changes no outcome."""

from __future__ import annotations

from collections import Counter

import redis.asyncio

from tests.support.accounts import all_is_finished
from tests.support.notes import NotesFlow, note
from tests.support.rig import Rig

VALUES = [note(f"n-{number}") for number in range(200)]
IDS = Counter(f"n-{number}" for number in range(200))


async def test_events_take_effect_again_when_the_database_was_restored_and_redis_was_not(rig: Rig) -> None:
    async with rig.engine():
        await rig.publish(VALUES)
        await rig.completions(200)
        await all_is_finished(rig)
        await rig.rows("truncate inbox, notes")
        await rig.publish(VALUES)
        completions = await rig.completions(400)
        await all_is_finished(rig)

    assert await rig.rows("select count(*) from notes") == [{"count": 200}]
    assert Counter(each["causationid"] for each in completions) == IDS + IDS
    assert len({each["id"] for each in completions}) == 200


async def test_no_event_takes_effect_again_when_redis_has_lost_everything(rig: Rig) -> None:
    async with rig.engine():
        await rig.publish(VALUES)
        await rig.completions(200)
        await all_is_finished(rig)
        async with redis.asyncio.Redis.from_url(rig.redis_url) as client:
            await client.flushdb()
        await rig.publish(VALUES)
        await all_is_finished(rig)

    assert Counter(each["causationid"] for each in await rig.completions(200)) == IDS
    assert await rig.rows("select count(*) from notes") == [{"count": 200}]
    assert await rig.rows("select count(*) from dead_letters") == [{"count": 0}]
    # The inbox decides at save, so the work was done a second time, in vain.
    assert set(NotesFlow.worked.values()) == {2}
