from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from events.failures import Failure, Outage, Transient
from millrace.doctor.judging import (
    DAY_MILLISECONDS,
    Check,
    State,
    exit_code,
    of_database,
    of_inbox,
    of_lanes,
    of_openai,
    of_openai_failure,
    of_settings,
    of_topics,
)
from millrace.settings import load
from storage.condition import Condition
from storage.lanes import LaneState
from streams.topics import Difference

WELL = Condition(
    server="18.4",
    revision="new",
    pgvector="0.8.5",
    pgvector_offered="0.8.5",
    has_tenant_role=True,
    may_become_tenant=True,
    owns_tables=True,
    clock_ahead=0.01,
)


def judged(**found: Any) -> list[Check]:
    """The checks that are not ok."""
    return [check for check in of_database(WELL._replace(**found), "new", {"old"}) if check.state != State.OK]


def test_a_database_that_is_well_has_nothing_to_mend() -> None:
    assert judged() == []


@pytest.mark.parametrize(
    ("found", "name", "advice"),
    [
        ({"revision": None}, "tables", "millrace migrate"),
        ({"revision": "old"}, "tables", "millrace migrate"),
        ({"pgvector": None}, "pgvector", "millrace migrate"),
        ({"pgvector": None, "pgvector_offered": None}, "pgvector", "Install 0.8.4"),
        ({"pgvector": "0.8.3"}, "pgvector", "alter extension vector update"),
        ({"pgvector": "0.8.3", "pgvector_offered": "0.8.3"}, "pgvector", "install 0.8.4"),
        ({"pgvector": "0.8"}, "pgvector", "alter extension"),
        ({"has_tenant_role": False, "may_become_tenant": False}, "tenant role", "millrace migrate"),
        ({"may_become_tenant": False}, "tenant role", "grant millrace_tenant"),
        ({"owns_tables": False}, "owner", "DATABASE_URL"),
        ({"clock_ahead": -2.5}, "clock", "Set the clocks"),
        ({"clock_ahead": 60.0}, "clock", "Set the clocks"),
    ],
)
def test_what_is_wrong_with_a_database_is_told_with_what_to_do(found: dict[str, Any], name: str, advice: str) -> None:
    (check,) = judged(**found)
    assert (check.name, check.state) == (name, State.WRONG)
    assert advice in check.advice


@pytest.mark.parametrize("version", ["0.8.4", "0.8.10", "0.9", "1.0.0"])
def test_newer_versions_of_pgvector_are_well(version: str) -> None:
    assert judged(pgvector=version) == []


def test_tables_of_a_newer_release_are_a_remark_since_a_rolling_update_may_be_under_way() -> None:
    (check,) = judged(revision="newer still")
    assert check.state == State.REMARK


def test_the_clock_says_who_is_ahead() -> None:
    assert "60.0 s ahead of" in judged(clock_ahead=60.0)[0].message
    assert "60.0 s behind" in judged(clock_ahead=-60.0)[0].message


def test_missing_topics_are_wrong_and_other_settings_a_remark() -> None:
    assert [check.state for check in of_topics([], [])] == [State.OK]
    differing = [Difference(name, "partitions", 3, 12) for name in ("a", "b")]
    wrong, remark = of_topics(["c"], differing)
    assert (wrong.state, remark.state) == (State.WRONG, State.REMARK)
    assert "millrace topics ensure" in wrong.advice
    assert remark.message == "partitions 3, not 12: a, b"


def test_a_stopped_flow_is_wrong_and_told_with_how_to_let_it_go_on() -> None:
    assert [check.state for check in of_lanes([LaneState("runs")])] == [State.OK]
    (check,) = of_lanes([LaneState("runs"), LaneState("audits", "stopped", reason="50 outcomes in a row failed")])
    assert (check.state, check.message) == (State.WRONG, "audits is stopped: 50 outcomes in a row failed")
    assert "millrace lane resume audits" in check.advice


@pytest.mark.parametrize(
    ("inbox_days", "kept_days", "state"),
    [(30, [], State.OK), (14, [], State.WRONG), (30, [30], State.WRONG), (31, [30], State.OK), (9999, [-1], State.REMARK)],
)
def test_an_inbox_that_forgets_before_kafka_does_is_told(inbox_days: float, kept_days: list[int], state: State) -> None:
    differing = [Difference("a", "retention.ms", days * DAY_MILLISECONDS, 14 * DAY_MILLISECONDS) for days in kept_days]
    check = of_inbox(inbox_days, 14, [*differing, Difference("a", "partitions", 3, 12)])
    assert check.state == state
    assert bool(check.advice) == (state != State.OK)


def test_the_stand_in_is_told_to_be_one() -> None:
    assert of_openai("stand-in", stand_in=True).state == State.REMARK
    assert of_openai("api.openai.com", stand_in=False) == Check("openai", State.OK, "api.openai.com answers and takes the key")


@pytest.mark.parametrize(
    ("failure", "state"),
    [
        (Outage("openai_away", "nothing there"), State.AWAY),
        (Outage("openai_refuses_key", "401"), State.WRONG),
        (Outage("openai_quota", "429"), State.WRONG),
        (Transient("rate_limited", "429"), State.REMARK),
    ],
)
def test_what_openai_answers_instead_is_told_apart(failure: Failure, state: State) -> None:
    found = of_openai_failure(failure)
    assert found.state == state
    assert failure.message in found.message
    assert found.advice


@pytest.mark.parametrize(
    ("states", "code"),
    [([], 0), (["ok", "remark"], 0), (["ok", "wrong"], 1), (["wrong", "away"], 5), (["away", "ok"], 5)],
)
def test_the_exit_code_tells_the_worst(states: list[str], code: int) -> None:
    assert exit_code([Check("x", State(state), "") for state in states]) == code


def test_settings_are_told_without_their_secrets(monkeypatch: pytest.MonkeyPatch, no_environment: Path) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://u:hunter2@host/db")
    monkeypatch.setenv("OBJECT_STORE_URL", "file:///objects")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-hunter2-hunter2")
    monkeypatch.setenv("LOG_LEVEL", "DEBUG")
    named = load()
    checks = of_settings(named, load(redis_url="redis://:hunter2@127.0.0.1:1/0"))
    told = {check.name: (check.state, check.message) for check in checks}
    assert "hunter2" not in str(checks)
    assert told["DATABASE_URL"] == (State.OK, "set")
    assert told["OBJECT_STORE_URL"] == (State.OK, "file:///objects")
    assert told["REDIS_URL"] == (State.OK, "set, by the local stack")
    assert told["KAFKA_BOOTSTRAP_SERVERS"] == (State.WRONG, "is not set")
    assert told["others"] == (State.OK, "set: LOG_LEVEL")
    assert all(check.advice for check in checks if check.state == State.WRONG)
