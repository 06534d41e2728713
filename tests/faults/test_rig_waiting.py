"""How long the rig waits for a large run: not for ever, though others get on."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.faults.rig import faults_runs


class Watch:
    """Something is finished each time that somebody looks, unless all stands still."""

    def __init__(self, *, moves: bool) -> None:
        self._finished, self._moves = 0, moves

    @property
    def finished(self) -> int:
        self._finished += self._moves
        return self._finished


class Sight:
    """The run as it is from look to look; the last one stays."""

    def __init__(self, *statuses: str) -> None:
        self._statuses = list(statuses)

    async def rows(self, _query: str, _run_id: UUID) -> list[dict[str, Any]]:
        return [{"status": self._statuses.pop(0) if len(self._statuses) > 1 else self._statuses[0]}]


def world(*statuses: str, moves: bool, run: float) -> Any:
    return SimpleNamespace(watch=Watch(moves=moves), sight=Sight(*statuses), times=SimpleNamespace(run=run))


ASKED: Any = SimpleNamespace(data={"run_id": str(uuid4())})


async def test_a_run_is_waited_for_while_others_get_on() -> None:
    ended = await faults_runs.until_ended(world("planned", "planned", "partial", moves=True, run=60.0), ASKED)
    assert ended == {"status": "partial"}


async def test_a_run_that_never_ends_is_given_up_though_others_get_on() -> None:
    with pytest.raises(TimeoutError, match=r"was waited for in vain for \d+ s"):
        await faults_runs.until_ended(world("planned", moves=True, run=0.2), ASKED)


async def test_a_run_is_given_up_where_nothing_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faults_runs, "PATIENCE", 0.2)
    with pytest.raises(TimeoutError, match="of which nothing moved"):
        await faults_runs.until_ended(world("planned", moves=False, run=60.0), ASKED)
