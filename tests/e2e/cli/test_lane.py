"""Operators see which flows are stopped and why, and let them go on."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

from tests.support.command_line import eventually

BAD = 8


def lanes(millrace: Any) -> dict[str, dict[str, Any]]:
    result = millrace("lane", "list", "--json")
    assert result.returncode == 0, result.stderr
    return {lane["flow"]: lane for lane in json.loads(result.stdout)["lanes"]}


def until_stopped(millrace: Any) -> dict[str, Any]:
    """The flow of runs, once it is stopped."""
    lane = eventually(lambda: lanes(millrace)["runs"], lambda found: found["status"] == "stopped")
    assert lane["status"] == "stopped", lane
    return lane


def failing(millrace: Any) -> str:
    """Runs of two clients whose portfolios do not exist."""
    event = json.loads(millrace("example", "run.requested.v1").stdout)
    events = []
    for number in range(BAD):
        run_id = str(uuid4())
        data = event["data"] | {"run_id": run_id, "portfolio": {"uri": "nowhere.parquet"}}
        events.append(event | {"id": run_id, "subject": run_id, "clientid": f"client-{number % 2}", "data": data})
    return "\n".join(map(json.dumps, events))


def test_a_flow_that_fails_is_stopped_over_a_restart_until_it_is_resumed(millrace: Any, start_worker: Any) -> None:
    assert {name: lane["status"] for name, lane in lanes(millrace).items()} == dict.fromkeys(
        ("runs", "slices", "documents", "audits"), "running"
    )
    assert millrace("lane", "resume", "runs").returncode == 4
    assert millrace("lane", "resume", "rums").returncode == 2

    worker = start_worker(millrace, "--flows", "runs", FAILURE_RUN="6")
    worker.wait_until("/health/deep")
    assert millrace("publish", "-", text=failing(millrace)).returncode == 0
    stopped = until_stopped(millrace)
    worker.wait_until("/health/deep", 503)
    worker.wait_until("/health")
    assert (stopped["cause"], stopped["failed"]) == ("failures", stopped["finished"])
    assert stopped["failed"] >= 6
    assert set(stopped["codes"]) == {"portfolio_not_found"}
    # It is written down first, then said.
    assert eventually(lambda: worker.has_said("lane_stopped"), bool)
    told = millrace("lane", "list")
    assert stopped["reason"] in told.stdout
    assert "millrace lane resume runs" in told.stderr
    assert "runs is stopped" in millrace("lag").stderr
    doctor = millrace("doctor", "--json")
    assert doctor.returncode == 1
    [check] = [each for each in json.loads(doctor.stdout)["checks"] if each["name"] == "lanes"]
    assert (check["state"], check["message"]) == ("wrong", f"runs is stopped: {stopped['reason']}")
    assert worker.end() == 0

    again = start_worker(millrace, "--flows", "runs")
    again.wait_until("/health/deep", 503)
    event = millrace("example", "run.requested.v1").stdout
    assert millrace("publish", "-", "--wait", "--timeout", "2", text=event).returncode == 1

    resumed = millrace("lane", "resume", "runs")
    assert (resumed.returncode, resumed.stdout) == (0, "runs goes on\n")
    again.wait_until("/health/deep")
    event = millrace("example", "run.requested.v1").stdout
    assert millrace("publish", "-", "--wait", text=event).returncode == 0
    running = lanes(millrace)["runs"]
    assert (running["status"], running["epoch"]) == ("running", 1)
    assert "@" in running["resumed_by"]
    assert again.end() == 0
