from __future__ import annotations

import json
import signal
import socket
from typing import Any
from uuid import uuid4

import pytest

from tests.support.servers import Servers


def test_events_are_published_completed_shown_and_listed(millrace: Any, start_worker: Any) -> None:
    worker = start_worker(millrace)
    worker.wait_until("/health/deep")
    first = f"client-{uuid4().hex[:8]}"
    good = millrace("example", "run.requested.v1", "--client", first).stdout
    other = json.dumps(json.loads(good) | {"data": json.loads(millrace("example", "run.requested.v1").stdout)["data"]})
    client = f"client-{uuid4().hex[:8]}"
    second = millrace("example", "run.requested.v1", "--client", client).stdout

    some = millrace("publish", "-", "--wait", "--json", text=good + other + "\n" + second)
    assert some.returncode == 3, some.stderr
    said = [json.loads(line) for line in some.stdout.splitlines()]
    assert sorted(answer["status"] for answer in said) == ["completed", "completed", "rejected"]
    assert [answer["reason"] for answer in said if answer["status"] == "rejected"] == ["payload_conflict"]
    assert all(answer["completion"]["causationid"] == answer["id"] for answer in said if answer["completion"])

    run_id = json.loads(second)["data"]["run_id"]
    shown = json.loads(millrace("results", "run", run_id, "--rows", "50", "--json").stdout)
    assert (shown["status"], shown["client_id"], len(shown["rows"])) == ("completed", client, 6)
    assert "1,503,174.93" in millrace("results", "run", run_id).stdout
    assert millrace("results", "run", run_id, "--client", client).returncode == 0
    assert millrace("results", "run", run_id, "--client", first).returncode == 1

    letters = json.loads(millrace("dlq", "list", "--client", first, "--json").stdout)
    assert (letters["total"], letters["has_more"]) == (1, False)
    (letter,) = letters["data"]
    assert letter["reason"] == "payload_conflict"
    whole = json.loads(millrace("dlq", "show", letter["id"], "--json").stdout)
    # They lie on different partitions: whichever was read first has the id.
    assert json.loads(whole["value"]) in (json.loads(good), json.loads(other))
    assert millrace("dlq", "show", str(uuid4())).returncode == 1

    assert millrace("publish", "-", "--wait", "--timeout", "2", text=good).returncode == 1
    assert worker.end() == 0
    assert "Traceback" not in worker.log.read_text()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_worker_in_good_order(millrace: Any, start_worker: Any, number: signal.Signals) -> None:
    worker = start_worker(millrace)
    worker.wait_until("/health/deep")
    assert worker.end(number) == 0
    lines = [json.loads(line) for line in worker.log.read_text().splitlines()]
    assert lines[-1]["event"] == "worker_ended"


def test_a_worker_waits_for_servers_that_are_away_says_so_and_can_be_stopped(bare: Any, start_worker: Any) -> None:
    away = {
        "DATABASE_URL": "postgresql://u:hunter2@127.0.0.1:1/x", "REDIS_URL": "redis://127.0.0.1:1",
        "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1", "OBJECT_STORE_URL": bare.folder.as_uri(),
        "OPENAI_API_KEY": "sk-hunter2", "OPENAI_BASE_URL": "http://127.0.0.1:1/v1",
    }  # fmt: skip
    worker = start_worker(bare, **away)
    worker.wait_until("/health")
    worker.wait_until("/health/deep", 503)
    assert worker.end() == 0
    assert "hunter2" not in worker.log.read_text()


def test_a_worker_without_a_key_says_so_and_which_flows_need_none(millrace: Any) -> None:
    result = millrace("worker", OPENAI_API_KEY="")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("millrace: OPENAI_API_KEY: is not set (for documents and audits; ")


def test_a_worker_starts_to_work_when_the_servers_come(millrace: Any, start_worker: Any, servers: Servers) -> None:
    servers.stop(["kafka"])
    worker = start_worker(millrace)
    worker.wait_until("/health/deep", 503)
    servers.start(["kafka"])
    worker.wait_until("/health/deep")
    event = millrace("example", "run.requested.v1").stdout
    assert millrace("publish", "-", "--wait", text=event).returncode == 0
    assert worker.end() == 0


def test_a_taken_port_is_one_line_and_exit_code_1(millrace: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        result = millrace("worker", HTTP_PORT=port)
    assert result.returncode == 1
    assert result.stderr.splitlines()[0] == f"millrace: HTTP_PORT {port} on 127.0.0.1 is taken by another process"
    assert "Traceback" not in result.stderr


def test_migrate_makes_tables_once(millrace: Any, empty_database_url: str) -> None:
    assert "millrace migrate" in millrace("dlq", "list", DATABASE_URL=empty_database_url).stderr
    first = json.loads(millrace("migrate", "--json", DATABASE_URL=empty_database_url).stdout)
    again = json.loads(millrace("migrate", "--json", DATABASE_URL=empty_database_url).stdout)
    assert first["before"] is None
    assert again == {"before": first["after"], "after": first["after"]}
    assert "No dead letters" in millrace("dlq", "list", DATABASE_URL=empty_database_url).stderr


def test_topics_are_made_once(millrace: Any) -> None:
    again = millrace("topics", "ensure", "--json", TOPIC_PARTITIONS="3")
    assert json.loads(again.stdout) == {"created": [], "differing": []}
    other = json.loads(millrace("topics", "ensure", "--json", TOPIC_PARTITIONS="5").stdout)
    assert {"topic": "runs.requested", "setting": "partitions", "found": 3, "wanted": 5} in other["differing"]
    assert other["created"] == []
