"""What can be seen of an engine: metrics, log lines with their context, health, the AsyncAPI document."""

from __future__ import annotations

from typing import Any

import structlog
from prometheus_client import REGISTRY

from tests.support.accounts import all_is_finished
from tests.support.notes import note
from tests.support.rig import Rig, eventually

COUNTED = ("consumed", "completed", "failed", "deduplicated", "retried")


def counts() -> dict[str, float]:
    return {name: REGISTRY.get_sample_value(f"millrace_{name}_total", {"flow": "notes"}) or 0.0 for name in COUNTED} | {
        "rejected": REGISTRY.get_sample_value("millrace_rejected_total", {"flow": "notes", "reason": "garbage"}) or 0.0
    }


async def test_every_outcome_is_counted_and_timed(rig: Rig) -> None:
    before = counts()
    async with rig.engine():
        await rig.publish([note("ok"), note("bad", behave="permanent"), note("late", behave="transient:1"), b"garbage"])
        await rig.completions(3)
        await rig.publish([note("ok")])

        async def difference() -> dict[str, float]:
            return {name: count - before[name] for name, count in counts().items()}

        await eventually(
            difference,
            {"consumed": 5, "completed": 2, "failed": 1, "deduplicated": 1, "retried": 1, "rejected": 1},
        )
        for stage in ("decode", "dedupe", "load", "work", "save", "publish", "settle"):
            assert REGISTRY.get_sample_value("millrace_stage_seconds_count", {"flow": "notes", "stage": stage})
        assert REGISTRY.get_sample_value("millrace_group_size_count", {"flow": "notes"})


async def test_a_line_about_an_event_says_whose_and_which_it_is_and_nothing_it_says(rig: Rig) -> None:
    with structlog.testing.capture_logs() as lines:
        async with rig.engine():
            await rig.publish([note("bad", "a secret text", behave="permanent", correlationid="c-1"), b"secret garbage"])
            await rig.completions(1)
            await rig.dead(2)
            await all_is_finished(rig)  # the lines come after that, with what lets offsets advance
    failed, rejected = the(lines, "event_failed"), the(lines, "record_rejected")
    assert {"event_id": "bad", "client_id": "acme", "agent": "notes", "correlation_id": "c-1", "task_id": "bad"}.items() <= (
        failed.items()
    )
    assert {"topic", "partition", "offset", "agent", "reason"} <= rejected.keys()
    assert "secret" not in repr(lines)


def the(lines: Any, event: str) -> dict[str, Any]:
    [line] = [line for line in lines if line["event"] == event]
    return dict(line)


async def test_health_names_every_server(rig: Rig) -> None:
    async with rig.engine() as engine:
        # A server that was slow once is asked again.
        await eventually(engine.health, dict.fromkeys(("database", "redis", "kafka", "objects"), "ok"))


async def test_the_asyncapi_document_shows_both_directions_with_their_messages(rig: Rig) -> None:
    async with rig.engine() as engine:
        document = engine.asyncapi()
    addresses = {channel["address"] for channel in document["channels"].values()}
    assert addresses == {rig.spec.topic, rig.spec.completed_topic}
    assert {operation["action"] for operation in document["operations"].values()} == {"receive", "send"}
    assert "Envelope" in repr(document["components"]["schemas"])
