"""SIGTERM: what is in hand is finished within a bound, the rest is given back, and nothing that hangs keeps a worker."""

from __future__ import annotations

import asyncio
import signal
from typing import Any
from uuid import uuid4

import pytest
import redis

from devstack.standin.control import Control
from devstack.standin.faults import Fault
from storage.database import Database
from tests.support.command_line import eventually
from tests.support.servers import Servers

SHORT = {"SHUTDOWN_SECONDS": "4"}
# Half of it is for what is in hand, and half for giving back: leaving Kafka's group takes seconds of that on a busy machine.
ENOUGH = {"SHUTDOWN_SECONDS": "16"}


def rows(url: str, query: str) -> list[dict[str, Any]]:
    async def ask() -> list[dict[str, Any]]:
        database = Database(url)
        async with database.connection() as connection:
            found = [dict(row) for row in await connection.fetch(query)]
        await database.close()
        return found

    return asyncio.run(ask())


def leases(url: str) -> list[bytes]:
    with redis.Redis.from_url(url) as client:
        return [name for name in client.scan_iter("millrace:lease:*") if not name.endswith(b":ping")]


def upload(millrace: Any, name: str) -> None:
    """Publishes a document, and returns at once."""
    path = millrace.folder / f"{name}.txt"
    path.write_text(f"The loan of {name}! is repaid in March.")
    assert millrace("upload", str(path), "--client", f"client-{uuid4().hex[:8]}").returncode == 0


def wait_for_a_call(openai: Control, worker: Any) -> None:
    def calls() -> int:
        assert worker.process.poll() is None, worker.log.read_text()
        return openai.calls().received.get("embeddings", 0)

    assert eventually(calls, bool), "nothing was asked of OpenAI"


def wait_until_embedded(millrace: Any, worker: Any) -> None:
    """Until the one document is: the worker may have to wait first, until Kafka takes another for dead."""
    url = millrace.environment["DATABASE_URL"]
    found = eventually(lambda: rows(url, "select status from documents"), lambda found: found == [{"status": "embedded"}])
    assert found == [{"status": "embedded"}], worker.log.read_text()


def test_a_handler_that_hangs_is_left_its_lease_given_back_and_its_event_done_by_the_next_worker(
    millrace: Any, start_worker: Any, openai: Control
) -> None:
    openai.add(Fault("slow", endpoint="embeddings", times=None, seconds=600))
    worker = start_worker(millrace, **ENOUGH)
    worker.wait_until("/health/deep")
    upload(millrace, "hanging")
    wait_for_a_call(openai, worker)
    assert len(leases(millrace.environment["REDIS_URL"])) == 1
    assert worker.end() == 0
    assert "worker_stopped_with_work_in_hand" in worker.log.read_text()
    assert leases(millrace.environment["REDIS_URL"]) == []

    openai.reset()
    following = start_worker(millrace)
    following.wait_until("/health/deep")
    wait_until_embedded(millrace, following)
    assert rows(millrace.environment["DATABASE_URL"], "select count(*) from dead_letters") == [{"count": 0}]
    assert following.end() == 0


@pytest.mark.parametrize("server", ["kafka", "postgres", "redis"])
@pytest.mark.parametrize("how", ["pause", "kill"])
def test_a_worker_ends_although_a_server_is_away(
    millrace: Any, start_worker: Any, servers: Servers, server: str, how: str
) -> None:
    worker = start_worker(millrace, **SHORT)
    worker.wait_until("/health/deep")
    getattr(servers, how)(server)
    try:
        assert worker.end() == 0
    finally:
        servers.start([server])


def test_a_signal_in_the_middle_of_the_start_ends_it(millrace: Any, start_worker: Any) -> None:
    worker = start_worker(millrace)
    worker.wait_until("/health")
    assert worker.end() == 0
    assert "Traceback" not in worker.log.read_text()


def test_a_second_signal_ends_a_worker_at_once_and_its_event_is_done_by_the_next(
    millrace: Any, start_worker: Any, openai: Control
) -> None:
    openai.add(Fault("slow", endpoint="embeddings", times=1, seconds=600))
    worker = start_worker(millrace, SHUTDOWN_SECONDS="600", LEASE_SECONDS="2")
    worker.wait_until("/health/deep")
    upload(millrace, "twice")
    wait_for_a_call(openai, worker)
    worker.process.send_signal(signal.SIGTERM)
    assert eventually(lambda: worker.has_said("worker_stops"), bool)
    assert worker.end() == 128 + signal.SIGTERM
    following = start_worker(millrace)
    following.wait_until("/health/deep")
    wait_until_embedded(millrace, following)
    assert following.end() == 0
