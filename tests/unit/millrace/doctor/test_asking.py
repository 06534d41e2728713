"""A server that takes a connection and never answers."""

from __future__ import annotations

import asyncio

import pytest

from millrace.doctor import asking
from millrace.doctor.judging import State
from millrace.settings import load


async def test_a_redis_that_hangs_is_away_and_said_where(monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[asyncio.StreamWriter] = []
    silent = await asyncio.start_server(lambda _, writer: held.append(writer), "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    monkeypatch.setattr(asking, "REDIS_SECONDS", 0.05)
    try:
        [found] = await asking.ask_all(load(None, redis_url=f"redis://:hunter2@127.0.0.1:{port}/0"))
    finally:
        silent.close()
        for writer in held:
            writer.close()
            await writer.wait_closed()
    assert (found.name, found.state) == ("redis", State.AWAY)
    assert f"Redis at redis://:***@127.0.0.1:{port}/0 does not answer" in found.message
    assert found.advice
