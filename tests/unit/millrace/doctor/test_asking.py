"""A server that takes a connection and never answers."""

from __future__ import annotations

import socket

import pytest

from millrace.doctor import asking
from millrace.doctor.judging import State
from millrace.settings import load


async def test_a_redis_that_hangs_is_away_and_said_where(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "REDIS_SECONDS", 0.05)
    # However late it is seen to be too late, it is Redis' own time that is over.
    monkeypatch.setattr(asking, "SECONDS", 200.0)
    # The kernel takes the connection; nobody ever does.
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        [found] = await asking.ask_all(load(None, redis_url=f"redis://:hunter2@127.0.0.1:{port}/0"))
    assert (found.name, found.state) == ("redis", State.AWAY)
    assert f"Redis at redis://:***@127.0.0.1:{port}/0 does not answer" in found.message
    assert found.advice
