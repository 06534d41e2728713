"""Events that are done come again when Redis has forgotten them: the inbox is asked before they are worked on in vain."""

from __future__ import annotations

import redis.asyncio

from tests.support.notes import NotesFlow, note
from tests.support.offsets import remaining
from tests.support.rig import Rig, eventually


async def times_worked(_rig: Rig) -> int:
    return NotesFlow.worked.total()


async def forget(rig: Rig) -> None:
    async with redis.asyncio.Redis.from_url(rig.redis_url) as keys:
        await keys.flushdb()


async def all_is_done(rig: Rig) -> None:
    await eventually(lambda: remaining(rig.kafka, f"{rig.spec.topic}.{rig.spec.name}", rig.spec.topic), 0)


async def test_after_redis_has_forgotten_only_the_first_of_what_is_done_are_worked_on_again(rig: Rig) -> None:
    first, others = [note(f"a-{n}") for n in range(5)], [note(f"b-{n}") for n in range(40)]
    async with rig.engine():
        await rig.publish([*first, *others])
        await rig.completions(45)
        await all_is_done(rig)  # offsets follow the marks in Redis: none of these comes after it has forgotten
        await forget(rig)
        await rig.publish(first)
        await all_is_done(rig)
        again = await times_worked(rig)
        await rig.publish(others)
        await all_is_done(rig)
        assert await times_worked(rig) == again
        await rig.publish([note("c-0")])
        assert len(await rig.completions(46)) == 46
    assert 45 < again <= 50
    assert await rig.count("inbox") == 46


async def test_once_what_comes_is_new_redis_is_asked_again(rig: Rig) -> None:
    async with rig.engine() as engine:
        [lane] = engine.lanes
        await lane.known.mark({b"k" * 16: b"h" * 32}, duplicates=1)
        await rig.publish([note(f"n-{n}") for n in range(20)])
        await rig.completions(20)
        asked = []
        look = lane.known.keys.done

        async def done(flow: str, keys: list[bytes]) -> list[bytes | None]:
            asked.append(len(keys))
            return await look(flow, keys)

        lane.known.keys.done = done  # type: ignore[method-assign, assignment]
        await rig.publish([note("m-0")])
        await rig.completions(21)
    assert asked == [1]
