"""`millrace replay` as operators use it; the topic is shared with other tests, the client is this test's own."""

from __future__ import annotations

import asyncio
import json
import subprocess
from random import Random
from typing import Any
from uuid import uuid4

import pytest

from streams.kafka import KafkaConfig
from streams.publish import Outgoing, publish
from tests.support.command_line import eventually
from tests.support.runs import run_data, run_event

NOBODY = "127.0.0.1:1"


@pytest.fixture
def client() -> str:
    return f"c{uuid4().hex[:12]}"


@pytest.fixture
def events(kafka: str, millrace: Any, client: str) -> None:
    """Three runs that were published and that no worker has looked at."""
    draw = Random(client)
    values = [json.loads(run_event(f"{client}-{each}", run_data(draw))) | {"clientid": client} for each in range(3)]
    records = [Outgoing("runs.requested", b"key", json.dumps(value).encode()) for value in values]
    asyncio.run(publish(KafkaConfig(kafka), records))


def plan(millrace: Any, client: str, *arguments: str) -> Any:
    result = millrace("replay", "plan", "--topic", "runs.requested", "--client", client, "--json", *arguments)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def test_a_plan_says_what_it_would_do_and_apply_does_it(millrace: Any, start_worker: Any, client: str, events: None) -> None:
    told = millrace("replay", "plan", "--topic", "runs.requested", "--client", client, "--since", "1h")
    assert told.returncode == 0, told.stderr
    first = told.stdout.splitlines()[0].split()
    assert first[0] == "plan"
    assert f"client {client}" in told.stdout
    assert ["3", "new", "published,", "and", "worked", "on"] in [line.split() for line in told.stdout.splitlines()]
    assert f"3 of 3 records would be published: millrace replay apply {first[1]}" in told.stderr
    assert "3 of the new records have not been reached by the workers yet" in told.stderr

    applied = millrace("replay", "apply", first[1])
    assert (applied.returncode, applied.stdout) == (0, f"applied  {first[1]}  3 published, {left_out(applied)} left out\n")
    for line in applied.stderr.splitlines():
        assert json.loads(line)["event"] in {"replay_starts", "replay_ends"}

    worker = start_worker(millrace, "--flows", "runs")
    worker.wait_until("/health/deep")
    watched = wait_for_done(millrace, client)
    assert (watched["done"], watched["repeated"], watched["new"]) == (6, 3, 0)
    assert worker.end() == 0

    again = millrace("replay", "apply", first[1])
    assert (again.returncode, again.stdout) == (4, "")
    assert "millrace: the replay was applied at" in again.stderr


def left_out(applied: subprocess.CompletedProcess[str]) -> str:
    """Records of other tests on the same topic."""
    return applied.stdout.split()[-3]


def wait_for_done(millrace: Any, client: str) -> dict[str, int]:
    """The prediction once none is new; the worker may have records of many other tests to read before."""
    predicted: dict[str, int] = eventually(lambda: plan(millrace, client)["prediction"], lambda found: not found["new"])
    assert not predicted["new"], predicted
    return predicted


def test_replays_are_listed_and_shown(millrace: Any, client: str, events: None) -> None:
    assert "No replays" in millrace("replay", "list").stderr
    ids = [plan(millrace, client)["id"] for _ in range(2)]
    assert millrace("replay", "abort", ids[1]).stdout == f"aborted  {ids[1]}\n"

    listed = millrace("replay", "list")
    lines = [line.split() for line in listed.stdout.splitlines() if "runs.requested" in line]
    assert [line[0] for line in lines] == ids[::-1]
    assert ("aborted" in lines[0], "planned" in lines[1]) == (True, True)
    said = json.loads(millrace("replay", "list", "--limit", "1", "--json").stdout)
    assert (said["total"], said["has_more"], [each["id"] for each in said["data"]]) == (2, True, ids[1:])

    shown = millrace("replay", "status", ids[1])
    for text in (ids[1], "aborted", "runs.requested", f"client {client}", "3 when it was planned", ["0", "published"][0]):
        assert text in shown.stdout
    plain = json.loads(millrace("replay", "status", ids[0], "--json").stdout)
    assert (plain["status"], plain["prediction"]["new"], plain["published"]) == ("planned", 3, 0)
    assert [each["what"] for each in plain["history"]] == ["plan"]


def test_what_cannot_be_changed_is_refused_with_what_it_is(millrace: Any, client: str, events: None) -> None:
    plan_id = plan(millrace, client)["id"]
    for name in ("pause", "resume"):
        result = millrace("replay", name, plan_id)
        assert (result.returncode, result.stdout) == (4, "")
        assert "it is planned" in result.stderr
        assert f"millrace replay apply {plan_id}" in result.stderr
    assert millrace("replay", "abort", plan_id).returncode == 0
    for name in ("abort", "apply"):
        result = millrace("replay", name, plan_id)
        assert (result.returncode, result.stdout) == (4, "")
        assert "aborted" in result.stderr


def test_what_ended_well_is_done_again(millrace: Any, start_worker: Any, client: str, events: None) -> None:
    worker = start_worker(millrace, "--flows", "runs")
    worker.wait_until("/health/deep")
    wait_for_done(millrace, client)
    told = millrace("replay", "plan", "--topic", "runs.requested", "--client", client, "--reprocess", "--event", f"{client}-1")
    assert told.returncode == 0, told.stderr
    assert f"client {client}, event {client}-1, to be reprocessed" in told.stdout
    assert "published as their next generations, and worked on again" in told.stdout
    plan_id = told.stdout.splitlines()[0].split()[1]
    assert f"1 events of 1 records would be worked on again: millrace replay apply {plan_id}" in told.stderr

    applied = millrace("replay", "apply", plan_id)
    assert (applied.returncode, applied.stdout) == (0, f"applied  {plan_id}  1 published, {left_out(applied)} left out\n")
    run_id = str(run_ids(client)[1])
    read = eventually(
        lambda: json.loads(millrace("results", "run", run_id, "--json").stdout), lambda found: found["generation"]
    )
    assert read["generation"] == 1
    shown = millrace("replay", "status", plan_id)
    assert [line.split() for line in shown.stdout.splitlines() if line.startswith("mode")] == [["mode", "reprocess"]]
    assert worker.end() == 0


def run_ids(client: str) -> list[str]:
    draw = Random(client)
    return [run_data(draw)["run_id"] for _ in range(3)]


@pytest.mark.parametrize("topic", ["documents.uploaded", "runs.slices"])
def test_what_is_not_done_again_is_refused_with_the_reason(millrace: Any, topic: str) -> None:
    result = millrace("replay", "plan", "--topic", topic, "--reprocess")
    assert (result.returncode, result.stdout) == (4, "")
    assert f"{topic} cannot be reprocessed: a" in result.stderr


@pytest.mark.parametrize("name", ["status", "apply", "pause", "resume", "abort"])
def test_a_replay_that_there_is_not_is_told_so(millrace: Any, name: str) -> None:
    result = millrace("replay", name, str(uuid4()))
    assert (result.returncode, result.stdout) == (1, "")
    assert "there is no replay" in result.stderr
    assert "millrace replay list" in result.stderr


def test_an_empty_selection_is_told_and_is_exit_code_1(millrace: Any, client: str) -> None:
    result = millrace("replay", "plan", "--topic", "runs.requested", "--client", client)
    assert (result.returncode, result.stdout) == (1, "")
    assert f"nothing is selected: runs.requested has no such records (client {client})" in result.stderr
    assert "No replays" in millrace("replay", "list").stderr


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "--topic"),
        (["--topic", "runs.completed"], "no input topic 'runs.completed', but runs.requested, runs.slices, documents.uploaded"),
        (["--topic", "runs.requested", "--since", "yesterday"], "such as 90m, 2h or 1d12h"),
        (["--topic", "runs.requested", "--since", "2026-11-28T10:00:00"], "lacks its zone"),
        (["--topic", "runs.requested", "--since", "2h", "--from-offset", "3"], "cannot be combined"),
        (["--topic", "runs.requested", "--from-offset", "3", "--to-offset", "3"], "lies at or before"),
        (["--topic", "runs.requested", "--partition", "-1"], "--partition"),
    ],
)
def test_a_selection_that_is_a_mistake_is_exit_code_2(bare: Any, arguments: list[str], complaint: str) -> None:
    result = bare("replay", "plan", *arguments)
    assert (result.returncode, result.stdout) == (2, "")
    assert complaint in " ".join(result.stderr.split())


def test_a_partition_that_there_is_not_and_times_in_the_wrong_order_are_mistakes_too(millrace: Any) -> None:
    result = millrace("replay", "plan", "--topic", "runs.requested", "--partition", "99")
    assert result.returncode == 2
    assert "runs.requested has no partition 99, but 3, from 0 on" in result.stderr
    result = millrace("replay", "plan", "--topic", "runs.requested", "--since", "1h", "--until", "2h")
    assert result.returncode == 2
    assert "--until lies at or before --since" in result.stderr


@pytest.mark.parametrize("name", ["plan", "apply"])
def test_servers_that_are_away_are_exit_code_5(millrace: Any, client: str, events: None, name: str) -> None:
    arguments = [plan(millrace, client)["id"]] if name == "apply" else ["--topic", "runs.requested"]
    kafka = millrace("replay", name, *arguments, KAFKA_BOOTSTRAP_SERVERS=NOBODY)
    database = millrace("replay", name, *arguments, DATABASE_URL=f"postgresql://u:hunter2@{NOBODY}/x")
    assert (kafka.returncode, database.returncode) == (5, 5)
    assert f"Kafka at {NOBODY} does not answer" in kafka.stderr
    assert "PostgreSQL at" in database.stderr
    assert "hunter2" not in kafka.stderr + database.stderr
