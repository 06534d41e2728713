from __future__ import annotations

import json
from typing import Any

from tests.support.command_line import eventually


def runs(millrace: Any) -> dict[str, Any]:
    result = millrace("lag", "--json")
    assert result.returncode == 0, result.stderr
    (found,) = [flow for flow in json.loads(result.stdout)["flows"] if flow["flow"] == "runs"]
    return dict(found)


def test_what_is_published_is_lag_until_it_is_done(millrace: Any, start_worker: Any) -> None:
    before = runs(millrace)
    event = millrace("example", "run.requested.v1").stdout
    assert millrace("publish", "-", text=event).returncode == 0
    waiting = runs(millrace)
    assert waiting["lag"] == before["lag"] + 1
    assert sum(each["lag"] for each in waiting["partitions"]) == waiting["lag"]
    assert (waiting["topic"], waiting["group"], len(waiting["partitions"])) == ("runs.requested", "millrace.runs", 3)

    worker = start_worker(millrace, "--flows", "runs")
    worker.wait_until("/health/deep")
    assert eventually(lambda: runs(millrace)["lag"], lambda lag: lag == 0) == 0
    # What has been published leaves the outbox a moment later.
    done = eventually(lambda: runs(millrace), lambda found: not found["unpublished"])
    assert all(each["committed"] == each["end"] for each in done["partitions"] if each["end"])
    assert (done["waiting"], done["due"], done["unpublished"]) == (0, 0, 0)
    for_people = millrace("lag")
    assert for_people.returncode == 0
    assert "runs.requested" in for_people.stdout
    assert worker.end() == 0


def test_a_database_that_is_away_is_exit_code_5(millrace: Any) -> None:
    result = millrace("lag", DATABASE_URL="postgresql://u:hunter2@127.0.0.1:1/x")
    assert (result.returncode, result.stdout) == (5, "")
    assert "hunter2" not in result.stderr
