"""Which lanes a worker says stand still, of several that share it."""

from __future__ import annotations

from collections.abc import Collection
from types import SimpleNamespace
from typing import Any

import pytest

from streams.dependencies import Dependencies
from streams.gate import Gate
from streams.progress import ProgressPolicy
from streams.pulse import Pulse
from streams.room import Room
from tests.support.notes import notes

MODEL = ("responses", "mini")
CHEAP = notes("t.")
COSTLY = notes("t.", name="audits", needs=("database", "openai"), asks=lambda _: [MODEL], costly=True)


def dependencies(away: Collection[Any]) -> Dependencies:
    def probe(name: Any) -> Any:
        async def look(*_: Any) -> None:
            if name in away:
                raise ConnectionRefusedError("nobody is there")

        return look

    resources: Any = SimpleNamespace(need_llm=lambda: SimpleNamespace(probe=probe(MODEL)))
    return Dependencies({name: probe(name) for name in ("database", "redis", "kafka", "objects")}, [CHEAP, COSTLY], resources)


def standing(spec: Any) -> Any:
    """The intake of a lane that has a record, and has not moved since the time 0."""
    lane = SimpleNamespace(
        spec=spec,
        gate=Gate(),
        room=Room(),
        halted=None,
        budget=SimpleNamespace(held_records=1),
        stage=SimpleNamespace(moved=0.0),
        attempts=SimpleNamespace(under_way=[], ended=0.0),
    )
    return SimpleNamespace(lane=lane, subscriber=SimpleNamespace(consumer=None, tasks=[]))


@pytest.mark.parametrize(
    ("away", "red"), [((), {"notes", "audits"}), ((MODEL,), {"notes"}), (("database",), set()), (("kafka",), set())]
)
async def test_a_server_that_is_away_excuses_the_lanes_that_have_to_do_with_it(away: Collection[Any], red: set[str]) -> None:
    now = [0.0]
    pulse = Pulse(
        [standing(CHEAP), standing(COSTLY)], dependencies(away), ProgressPolicy(stall=120), rebalance=30, clock=lambda: now[0]
    )
    now[0] = 1_000.0
    await pulse.look()
    assert pulse.reasons.keys() == red
