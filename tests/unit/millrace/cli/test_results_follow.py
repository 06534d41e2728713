"""How far a run is, in words."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from millrace.cli import results_follow
from millrace.cli.results_follow import Standing, follow, in_words, showing, standing_of
from millrace.failures import CommandError, Unreachable
from storage.runs import RunRow

START = datetime(2026, 11, 20, 10, tzinfo=UTC)


def a_run(**columns: Any) -> RunRow:
    row: dict[str, Any] = dict.fromkeys(RunRow._fields) | RunRow._field_defaults
    known = {"run_id": uuid4(), "status": "planned", "valuation_date": date(2026, 1, 15), "started_at": START}
    return RunRow(**row | known | {"positions": 0, "errors": 0} | columns)


@pytest.mark.parametrize(
    ("standing", "words"),
    [
        (None, "not there yet: waiting for a worker to take it up (what waits: millrace lag)"),
        (Standing("planned", 0, 0, 0, 0, 1.0), "planned: 0 positions, 0 errors"),
        (Standing("planned", 12, 0, 0, 0, 1.0), "planned: 0 of 12 slices, 0 positions, 0 errors"),
        (
            Standing("planned", 12, 3, 30_000, 2, 13.0),
            "planned: 3 of 12 slices, 30,000 positions, 2 errors, about 39 s left",
        ),
        (Standing("planned", 4, 4, 9, 0, 5.0), "planned: 4 of 4 slices, 9 positions, 0 errors, about 0.0 s left"),
        (
            Standing("planned", 1000, 1, 10, 0, 5.0),
            "planned: 1 of 1,000 slices, 10 positions, 0 errors, about 1:23:15 left",
        ),
        (Standing("partial", 12, 12, 9, 1, 125.2), "partial: 12 of 12 slices, 9 positions, 1 errors, in 0:02:05"),
        (Standing("failed", 0, 0, 0, 0, 0.04), "failed: 0 positions, 0 errors, in 0.0 s"),
    ],
)
def test_what_is_known_of_a_run_is_told_and_no_estimate_before_there_is_one(standing: Standing | None, words: str) -> None:
    assert in_words(standing) == words


def test_a_clock_behind_the_runs_start_makes_no_time_less_than_none() -> None:
    assert standing_of(a_run(), START - timedelta(seconds=5)).seconds == 0.0


def test_the_time_of_a_run_ends_with_it() -> None:
    ended = a_run(status="completed", completed_at=START + timedelta(seconds=2))
    assert standing_of(ended, START + timedelta(days=1)).seconds == 2.0


def test_a_pipe_gets_a_line_for_each_change_and_none_for_an_estimate_alone(capsys: pytest.CaptureFixture[str]) -> None:
    standings = [None, None, *(Standing("planned", 2, 1, 5, 0, float(second)) for second in (1, 2, 3))]
    with showing(uuid4()) as show:
        for standing in standings:
            show(standing)
        show(Standing("completed", 2, 2, 9, 0, 4.0))
    assert [line.partition(":")[0] for line in capsys.readouterr().err.splitlines()] == [
        "not there yet",
        "planned",
        "completed",
    ]


Look = RunRow | None | Exception


def looked(monkeypatch: pytest.MonkeyPatch, *looks: Look, first_takes: float = 0.0) -> None:
    """Looks find this, one after the other; after the last nothing comes any more."""

    async def found(*_: Any) -> AsyncIterator[tuple[RunRow | None, datetime]]:
        await asyncio.sleep(first_takes)
        for look in looks:
            if isinstance(look, Exception):
                raise look
            yield look, START
        await asyncio.Event().wait()

    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    monkeypatch.setattr(results_follow, "_looks", found)


def test_a_run_that_has_ended_is_told_so_however_long_reaching_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    looked(monkeypatch, ended := a_run(status="completed"), first_takes=0.1)
    assert follow(uuid4(), None, 0.01) is ended


@pytest.mark.parametrize(("look", "told"), [(None, "not there yet"), (a_run(), "planned")])
def test_however_short_the_time_what_was_found_is_told_before_it_is_over(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], look: Look, told: str
) -> None:
    looked(monkeypatch, look, first_takes=0.1)
    with pytest.raises(CommandError, match=r"has not ended within 0\.01 s"):
        follow(uuid4(), None, 0.01)
    assert capsys.readouterr().err.startswith(told)


@pytest.mark.parametrize("timeout", [None, 60.0])
def test_a_server_that_does_not_answer_is_not_a_run_that_has_not_ended(
    monkeypatch: pytest.MonkeyPatch, timeout: float | None
) -> None:
    looked(monkeypatch, None, TimeoutError())
    with pytest.raises(Unreachable, match="PostgreSQL"):
        follow(uuid4(), None, timeout)
