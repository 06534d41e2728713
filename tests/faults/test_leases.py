"""Work that is paid for is done by one worker at a time, and by another when that one is gone."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
import redis.asyncio

from events.identity import event_key
from storage.idempotency import IdempotencyKeys
from streams import leasing
from streams.backoff import Backoff
from streams.config import EngineConfig
from streams.decisions import RetryPolicy
from tests.support.accounts import all_is_finished
from tests.support.notes import NotesFlow, hanging, note, notes
from tests.support.rig import Rig, eventually

# Seconds of a lease; what is left of one that is shortened; and between two renewals, where they are to be seen.
LEASE, SHORTENED, OFTEN = 30.0, 15.0, 0.5


@pytest.fixture
def costly(topic_prefix: str) -> Any:
    return notes(topic_prefix, costly=True, batch=1, hands=4, timeout=600.0)


def other_group(rig: Rig, config: EngineConfig | None = None) -> EngineConfig:
    """A worker of another group gets each record too, as one does that takes a partition over too early."""
    return replace(config or rig.config, group_prefix=f"{rig.config.group_prefix}.other")


async def test_two_workers_that_have_the_same_events_do_each_work_once(rig: Rig, costly: Any) -> None:
    values = [note(f"n-{number}", behave="sleep:0.3") for number in range(40)]
    await rig.publish([*values, note("failing", behave="permanent")])
    async with rig.engine(spec=costly), rig.engine(other_group(rig), costly):
        await all_is_finished(rig)
        completions = await rig.completions(41)

    assert Counter(each["causationid"] for each in completions).total() == 41
    assert set(NotesFlow.worked.values()) == {1}
    assert await rig.rows("select count(*) from notes") == [{"count": 40}]
    assert await rig.rows("select count(*) from dead_letters") == [{"count": 1}]


async def test_a_lease_outlasts_long_work_however_much_else_ends_meanwhile(
    rig: Rig, costly: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert leasing.RENEWALS_A_LEASE >= 2, "one renewal may be late"
    monkeypatch.setattr(leasing, "RENEWALS_A_LEASE", LEASE / OFTEN)
    config = replace(rig.config, lease=LEASE)
    await rig.publish([note("long", behave="hang"), *(note(f"n-{n}", behave="sleep:0.3") for n in range(70))])
    async with rig.engine(config, costly), rig.engine(other_group(rig, config), costly):
        with hanging():
            await eventually(lambda: is_running("long"), expected=True)
            for others in (20, 45, 70):
                # What would be left after long work, and still long enough for a machine that stands still now and then.
                await shorten(rig, "long", SHORTENED)
                await eventually(lambda: is_renewed(rig, "long"), expected=True)
                await rig.until(f"select count(*) >= {others} from notes", expected=True)
        await all_is_finished(rig)
        await rig.completions(71)
    assert NotesFlow.worked["long"] == 1


async def test_a_duplicate_of_what_another_works_on_waits_without_holding_a_slot(rig: Rig, topic_prefix: str) -> None:
    one_hand = notes(topic_prefix, costly=True, batch=1, hands=1, timeout=600.0)
    await rig.publish([note("long", behave="hang")])
    async with rig.engine(spec=one_hand):
        await eventually(lambda: is_running("long"), expected=True)
        async with rig.engine(other_group(rig), one_hand):
            with hanging():
                await rig.publish([note("short")])
                await rig.until("select array_agg(event_id) from notes", ["short"])
                assert await is_running("long")
            await rig.until("select count(*) from notes", 2)
        await all_is_finished(rig)
    assert NotesFlow.worked == {"long": 1, "short": 1}


async def test_what_is_dropped_by_a_rebalance_is_paid_for_once_and_leaves_no_lease(rig: Rig, costly: Any) -> None:
    values = [note(f"n-{number}", behave="sleep:0.1") for number in range(150)]
    await rig.publish(values)
    async with rig.engine(spec=costly):
        await rig.until("select count(*) >= 10 from notes", expected=True)
        async with rig.engine(spec=costly) as second:
            await eventually(lambda: has_partitions(second), expected=True)
            await rig.until("select count(*) >= 40 from notes", expected=True)
        await all_is_finished(rig)
        await eventually(lambda: held(rig), 0)
    assert await rig.rows("select count(*) from notes") == [{"count": 150}]
    assert set(NotesFlow.worked.values()) == {1}


async def test_the_lease_of_a_dead_worker_ends_and_its_event_is_done(rig: Rig, costly: Any) -> None:
    keys = IdempotencyKeys(rig.redis_url)
    await keys.leases(600.0).take("notes", {event_key("notes", "/tests", "n-1", 0): b"a dead worker's"})
    await rig.publish([note("n-1"), note("n-2")])
    async with rig.engine(spec=costly):
        await eventually(lambda: count(rig, "select event_id from notes"), ["n-2"])
        await shorten(rig, "n-1", 0.001)
        await rig.until("select count(*) from notes", 2)
        await all_is_finished(rig)
    await keys.close()


async def test_leases_end_with_their_work(rig: Rig, costly: Any) -> None:
    await rig.publish([note("n-1"), note("n-2", behave="permanent"), note("n-3", behave="transient:1"), b"garbage"])
    async with rig.engine(spec=costly):
        await rig.completions(3)
        await all_is_finished(rig)
        await eventually(lambda: held(rig), 0)


async def test_an_event_that_waits_spends_no_attempt_and_is_done_when_it_can_be(rig: Rig) -> None:
    looks = rig.config.retry.max_attempts + 1
    async with rig.engine():
        await rig.publish([note("n-1", behave=f"waiting:{looks}")])
        [completion] = await rig.completions(1)
        await all_is_finished(rig)
    assert completion["data"]["status"] == "completed"
    assert NotesFlow.worked["n-1"] == looks + 1


@pytest.mark.parametrize("is_costly", [False, True])
async def test_an_event_that_has_waited_too_long_fails_with_what_it_waited_for(rig: Rig, costly: Any, is_costly: bool) -> None:
    async with rig.engine(spec=costly if is_costly else None):
        await rig.publish([note("n-1", behave="waiting:ever")])
        [completion] = await rig.completions(1)
        await all_is_finished(rig)
    assert completion["data"] == {"status": "failed", "code": "note_missing"}
    assert await rig.rows("select reason, attempts from dead_letters") == [{"reason": "note_missing", "attempts": 1}]


async def test_the_same_id_with_another_payload_is_refused_before_it_is_paid_for(rig: Rig, costly: Any) -> None:
    in_an_hour = replace(rig.config, retry=RetryPolicy(backoff=Backoff(base=3_600.0, cap=3_600.0)))
    async with rig.engine(in_an_hour, costly):
        await rig.publish([note("n-1", "first", behave="transient:1")])
        await rig.until("select count(*) from retries", 1)
        await rig.publish([note("n-1", "second")])
        await rig.until("select count(*) from dead_letters", 1)
        await rig.rows("update retries set next_attempt_at = now()")
        await rig.completions(1)
        await all_is_finished(rig)
    assert NotesFlow.worked["n-1"] == 2
    assert await rig.rows("select text from notes") == [{"text": "first"}]


async def test_a_lease_whose_answer_is_lost_keeps_nobody_waiting(rig: Rig, costly: Any) -> None:
    async with rig.engine(replace(rig.config, lease=600.0), costly) as engine:
        leases = engine.leases
        take, lost = leases.take, list[Any]()

        async def take_and_say_nothing_once(*arguments: Any) -> Any:
            answer = await take(*arguments)
            if not lost:
                lost.append(answer)
                raise TimeoutError
            return answer

        leases.take = take_and_say_nothing_once  # type: ignore[method-assign]
        await rig.publish([note("n-1")])
        await rig.until("select count(*) from notes", 1)
        await all_is_finished(rig)
    assert lost
    assert NotesFlow.worked == {"n-1": 1}


async def test_a_lease_whose_answer_comes_while_the_worker_stops_is_given_back(
    rig: Rig, costly: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streams.app.GIVE_BACK_SECONDS", 60.0)
    # It never has the answer, so what it has in hand is not finished however long that is waited for.
    config = replace(rig.config, lease=600.0, lane=replace(rig.config.lane, drain=1.0))
    async with rig.engine(config, costly) as engine:
        leases = engine.leases
        take, taken = leases.take, asyncio.Event()

        async def take_and_say_nothing(*arguments: Any) -> Any:
            await take(*arguments)
            taken.set()
            await asyncio.Event().wait()

        leases.take = take_and_say_nothing  # type: ignore[method-assign]
        await rig.publish([note("n-1")])
        await taken.wait()
        assert await held(rig) == 1
    assert await held(rig) == 0


async def test_a_retry_of_what_is_done_already_ends_without_work(rig: Rig, costly: Any) -> None:
    async with rig.engine(spec=costly):
        await rig.publish([note("n-1")])
        await rig.completions(1)
    await rig.rows(
        "insert into retries (event_key, flow, source, event_id, generation, client_id, payload_sha256, topic, partition,"
        ' "offset", value, attempts, next_attempt_at, error_class, last_error)'
        " select event_key, flow, source, event_id, generation, client_id, payload_sha256, $1, 0, 0, $2, 1, now(), '', ''"
        " from inbox",
        *(costly.topic, note("n-1")),
    )
    async with rig.engine(spec=costly):
        await rig.until("select count(*) from retries", 0)
        await eventually(lambda: held(rig), 0)
    assert NotesFlow.worked == {"n-1": 1}


async def count(rig: Rig, query: str) -> list[str]:
    return [next(iter(row.values())) for row in await rig.rows(query)]


def lease_of(event_id: str) -> str:
    return f"millrace:lease:notes:{event_key('notes', '/tests', event_id, 0).hex()}"


async def shorten(rig: Rig, event_id: str, left: float) -> None:
    """Lets all of its lease but so many seconds pass at once; it has a term, after which it ends by itself."""
    async with redis.asyncio.Redis.from_url(rig.redis_url) as client:
        assert await client.pttl(lease_of(event_id)) > 1000 * left
        await client.pexpire(lease_of(event_id), int(1000 * left))


async def is_renewed(rig: Rig, event_id: str) -> bool:
    """Whether its lease has more left than when it was shortened."""
    async with redis.asyncio.Redis.from_url(rig.redis_url) as client:
        left: int = await client.pttl(lease_of(event_id))
        return left > 1000 * SHORTENED


async def held(rig: Rig) -> int:
    """How many leases there are."""
    async with redis.asyncio.Redis.from_url(rig.redis_url) as client:
        return len([name async for name in client.scan_iter("millrace:lease:notes:*")])


async def is_running(event_id: str) -> bool:
    return event_id in NotesFlow.running


async def has_partitions(engine: Any) -> bool:
    consumer = engine.intakes[0].consumer
    return consumer is not None and bool(consumer.assignment())
