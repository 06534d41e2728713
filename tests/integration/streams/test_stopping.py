"""A lane that fails too often stops in every worker, and waits for a person."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
import structlog
from prometheus_client import REGISTRY

from storage import lanes
from streams.app import Engine
from streams.backoff import Backoff
from streams.decisions import RetryPolicy
from streams.lag import partition_lags
from streams.limits import FailurePolicy
from streams.stopping import Stops
from tests.support.notes import NotesFlow, note
from tests.support.rig import Rig, eventually

BAD, GOOD = 60, 40
STOPPED = "select count(*) from lanes where status = 'stopped'"


def in_one_row(bad: range, good: range) -> list[tuple[bytes, bytes | None]]:
    """Failing events of two clients, then good ones, all in one partition."""
    failing = [note(f"bad-{each}", behave="permanent", clientid=f"client-{each % 2}") for each in bad]
    return [(b"same", value) for value in [*failing, *(note(f"good-{each}") for each in good)]]


async def standing(engine: Engine) -> str | None:
    return (await engine.health()).get("notes")


async def resume(rig: Rig) -> bool:
    async with rig.database.connection() as connection:
        return await lanes.resume(connection, "notes", "me@here")


def alerts(lines: Any) -> list[dict[str, Any]]:
    return [dict(line) for line in lines if line["event"] == "lane_stopped"]


async def stopped_reason(rig: Rig) -> str:
    await rig.until(STOPPED, 1)
    [row] = await rig.rows("select reason from lanes")
    return f"stopped: {row['reason']}"


async def test_it_stops_in_two_workers_with_one_alert_and_goes_on_when_it_is_resumed(rig: Rig) -> None:
    rig.spec = replace(rig.spec, batch=1)  # so that no group holds more than a few outcomes
    with structlog.testing.capture_logs() as lines:
        async with rig.engine() as one, rig.engine() as other:
            await rig.publish_keyed(in_one_row(range(BAD), range(0)))
            reason = await stopped_reason(rig)
            await eventually(lambda: standing(one), reason)
            await eventually(lambda: standing(other), reason)
            assert REGISTRY.get_sample_value("millrace_lane_stopped", {"flow": "notes"}) == 1

            await rig.publish([note(f"good-{each}") for each in range(GOOD)])
            await asyncio.sleep(0.5)
            assert await lag(rig) >= GOOD
            assert await rig.count("notes") == 0
            assert [(each["log_level"], each["cause"], each["agent"]) for each in alerts(lines)] == [
                ("error", "failures", "notes")
            ]

            assert await resume(rig)
            await rig.until("select count(*) from notes", GOOD)
            await rig.until("select count(*) from inbox", GOOD + BAD)
            await eventually(lambda: standing(one), None)
            await eventually(lambda: standing(other), None)
            assert REGISTRY.get_sample_value("millrace_lane_stopped", {"flow": "notes"}) == 0
        completions = await rig.completions(GOOD + BAD)
    assert len({each["causationid"] for each in completions}) == len(completions) == GOOD + BAD
    assert len(alerts(lines)) == 1, "what was counted before the resume must not stop it again"
    assert not await resume(rig)


async def running() -> set[str]:
    return set(NotesFlow.running)


async def in_hand(engine: Engine) -> int:
    return engine.lanes[0].custody.count


def held_up(monkeypatch: pytest.MonkeyPatch, *event_ids: str) -> asyncio.Event:
    """Has these events wait in a hand until that is set."""
    go_on, work = asyncio.Event(), NotesFlow._work

    async def waiting(flow: NotesFlow, event: Any) -> Any:
        if event.id in event_ids:
            NotesFlow.running.add(event.id)
            await go_on.wait()
        return await work(flow, event)

    monkeypatch.setattr(NotesFlow, "_work", waiting)
    return go_on


async def lag(rig: Rig) -> int:
    """What Kafka has beyond what is committed."""
    group = f"{rig.config.group_prefix}.notes"
    return sum(each.lag for each in (await partition_lags(rig.kafka, {group: rig.spec.topic}))[group])


async def test_what_is_in_hand_when_it_stops_is_saved_and_what_waits_is_not_begun(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = replace(rig.config, lane=replace(rig.config.lane, failures=FailurePolicy(run=5, share=1.0)))
    go_on = held_up(monkeypatch, "slow")
    async with rig.engine(config, replace(rig.spec, timeout=300.0)):
        await rig.publish_keyed([(b"same", note("slow"))])
        await eventually(running, {"slow"})
        await rig.publish_keyed(in_one_row(range(5), range(0)))
        await stopped_reason(rig)
        await rig.publish_keyed(in_one_row(range(0), range(GOOD)))
        await asyncio.sleep(0.5)  # in which what waits would be begun
        go_on.set()
        await rig.until("select count(*) from notes where event_id = 'slow'", 1)
        await rig.idle()
        assert await rig.count("notes") == 1


async def test_what_was_fetched_already_waits_in_its_queue(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    config = replace(rig.config, lane=replace(rig.config.lane, failures=FailurePolicy(run=5, share=1.0)))
    go_on = held_up(monkeypatch, "good-0", "good-1")  # as many as there are hands: none succeeds between those that fail
    async with rig.engine(config, replace(rig.spec, batch=1, timeout=300.0)) as engine:
        await rig.publish_keyed(in_one_row(range(5), range(200)))
        reason = await stopped_reason(rig)
        await eventually(lambda: standing(engine), reason)
        go_on.set()
        await eventually(lambda: in_hand(engine), 0)
        done = await rig.count("notes")
        await asyncio.sleep(1.0)
        assert await rig.count("notes") == done
        assert engine.lanes[0].budget.held_records > 0
        assert await resume(rig)
        await rig.until("select count(*) from notes", 200)


async def test_a_worker_looks_whether_it_is_stopped_before_it_takes_anything(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(_: Stops) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(Stops, "run", never)
    async with rig.database.connection() as connection:
        await lanes.stop(connection, lanes.Stop("notes", 0, "failures", "60 in a row", 60, 60, (), "host/1/a"))
    async with rig.engine() as engine:
        await rig.publish([note(f"good-{each}") for each in range(GOOD)])
        await eventually(lambda: paused(engine), expected=True)
        await asyncio.sleep(1.0)
        assert await rig.count("inbox") == engine.lanes[0].budget.held_records == 0


async def test_retries_are_not_taken_while_it_is_stopped(rig: Rig) -> None:
    lane, never = replace(rig.config.lane, failures=FailurePolicy(run=5, share=1.0)), Backoff(base=3600.0, cap=3600.0)
    config = replace(rig.config, lane=lane, retry=RetryPolicy(max_attempts=3, backoff=never))
    async with rig.engine(config) as engine:
        await rig.publish_keyed([(b"same", note("late", behave="transient:1")), *in_one_row(range(5), range(0))])
        await stopped_reason(rig)
        await rig.until("select count(*) from retries where leased_until is null", 1)
        await rig.rows("update retries set next_attempt_at = now()")
        engine.lanes[0].kept_retries.set()  # the feeder looks, and need not wait until it looks by itself
        await asyncio.sleep(0.5)
        assert NotesFlow.worked["late"] == 1
        assert await resume(rig)
        await rig.until("select count(*) from notes where event_id = 'late'", 1)


async def test_a_worker_that_starts_while_it_is_stopped_takes_nothing(rig: Rig) -> None:
    async with rig.engine():
        await rig.publish_keyed(in_one_row(range(BAD), range(0)))
        reason = await stopped_reason(rig)
    done = await rig.count("inbox")
    await rig.publish_keyed(in_one_row(range(0), range(GOOD)))
    with structlog.testing.capture_logs() as lines:
        async with rig.engine() as engine:
            await eventually(lambda: standing(engine), reason)
            await eventually(lambda: paused(engine), expected=True)
            assert await rig.count("inbox") == done
            assert alerts(lines) == [], "the worker that stopped it has told already"
            assert await resume(rig)
            await rig.until("select count(*) from notes", GOOD)


async def paused(engine: Engine) -> bool:
    consumer = engine.intakes[0].consumer
    return consumer is not None and len(consumer.paused()) == 3


async def test_a_decision_from_before_a_resume_stops_nothing(rig: Rig) -> None:
    old = lanes.Stop("notes", 0, "failures", "60 in a row", 60, 60, ("internal",), "host/1/a")
    async with rig.database.connection() as connection:
        await lanes.stop(connection, old)
        await lanes.stop(connection, old._replace(worker="host/2/b"))
        assert (await lanes.states(connection))["notes"].stopped_by == "host/1/a"
        assert await lanes.resume(connection, "notes", "me@here")
        await lanes.stop(connection, old._replace(worker="host/2/b"))
        state = (await lanes.states(connection))["notes"]
        assert (state.is_stopped, state.epoch, state.resumed_by) == (False, 1, "me@here")
        await lanes.stop(connection, old._replace(epoch=1, worker="host/2/b"))
        state = (await lanes.states(connection))["notes"]
        assert (state.is_stopped, state.stopped_by, state.codes) == (True, "host/2/b", ("internal",))
