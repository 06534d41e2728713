"""What a worker says of the servers that it needs, and which lanes stand still for them."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from events.failures import Outage
from streams.dependencies import Dependencies
from streams.gate import Gate
from tests.support.notes import notes

SMALL, MINI = ("embeddings", "small"), ("responses", "mini")


class Away:
    """Which servers and models are away."""

    def __init__(self, *names: Any) -> None:
        self.names, self.looks = set(names), 0

    def probe(self, name: str) -> Any:
        async def look() -> None:
            self.looks += 1
            if name in self.names:
                raise ConnectionRefusedError("nobody is there")

        return look

    async def model(self, targets: Sequence[Any]) -> None:
        if self.names & set(targets):
            raise Outage("openai_lacks_model", "status 404 (model)")


def made(away: Away, *specs: Any) -> Dependencies:
    resources: Any = SimpleNamespace(need_llm=lambda: SimpleNamespace(probe=away.model))
    probes = {name: away.probe(name) for name in ("database", "redis", "kafka", "objects")}
    return Dependencies(probes, specs, resources)


CHEAP = notes("t.")
DOCUMENTS = notes("t.", name="documents", needs=("database", "openai"), asks=lambda _: [SMALL], costly=True)
AUDITS = notes("t.", name="audits", needs=("database", "openai"), asks=lambda _: [MINI, SMALL], costly=True)
ALL_WELL = dict.fromkeys(("database", "redis", "kafka", "objects"), "ok")


async def test_a_model_that_is_away_is_openai_away() -> None:
    told = await made(Away(MINI), CHEAP, DOCUMENTS, AUDITS).told()
    assert told == ALL_WELL | {"openai": "Outage: openai_lacks_model: status 404 (model)"}


async def test_where_all_models_are_there_openai_is_ok() -> None:
    assert await made(Away(), AUDITS).told() == ALL_WELL | {"openai": "ok"}


async def test_where_nobody_asks_openai_nothing_is_said_of_it() -> None:
    assert await made(Away(), CHEAP).told() == ALL_WELL


async def test_however_often_it_is_asked_it_looks_once() -> None:
    away = Away("kafka")
    dependencies = made(away, CHEAP)
    for _ in range(50):
        assert (await dependencies.told())["kafka"].startswith("ConnectionRefusedError")
    assert away.looks == 4


@pytest.mark.parametrize(
    ("server", "standing"),
    [
        ("database", {"notes", "documents", "audits"}),
        ("objects", {"notes", "documents", "audits"}),
        ("redis", {"documents", "audits"}),
        ("kafka", set()),
        (SMALL, {"documents", "audits"}),
        (MINI, {"audits"}),
    ],
)
async def test_a_lane_stands_still_for_what_it_needs_and_for_nothing_else(server: Any, standing: set[str]) -> None:
    dependencies, gates = made(Away(server), CHEAP, DOCUMENTS, AUDITS), dict[str, Gate]()
    for spec in (CHEAP, DOCUMENTS, AUDITS):
        dependencies.of_lane(spec, gates.setdefault(spec.name, Gate()))
    for each in (*dependencies.servers.values(), *dependencies.models.values()):
        await each.found(0.0)
    assert {name for name, gate in gates.items() if not gate.is_open} == standing


async def test_lanes_and_saving_ask_the_same_breakers() -> None:
    dependencies = made(Away(), CHEAP, AUDITS)
    cheap, audits = (dependencies.of_lane(spec, Gate()) for spec in (CHEAP, AUDITS))
    assert set(cheap.dependencies) == set(dependencies.saving.dependencies)
    assert dependencies.servers["database"] in audits.dependencies
    assert dependencies.servers["redis"] in audits.dependencies
