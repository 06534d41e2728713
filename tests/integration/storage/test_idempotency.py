"""Done marks: asked and told a batch at a time, and never missed when Redis is away."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import redis.asyncio

from storage.idempotency import DAY_SECONDS, IdempotencyKeys
from tests.support.servers import Servers

KEYS = [bytes([number]) * 16 for number in range(3)]
PAYLOAD = b"\7" * 32
# A Redis that is there answers in the end, however long the machine stands still.
PATIENCE = 60.0


@asynccontextmanager
async def keys_at(url: str, **changes: Any) -> AsyncIterator[IdempotencyKeys]:
    keys = IdempotencyKeys(url, **{"timeout": PATIENCE} | changes)
    yield keys
    await keys.close()


@pytest.fixture
async def keys(redis_url: str) -> AsyncIterator[IdempotencyKeys]:
    async with keys_at(redis_url) as opened:
        yield opened


async def test_what_was_settled_is_known_and_the_rest_is_not(keys: IdempotencyKeys) -> None:
    await keys.settle("runs", {KEYS[0]: PAYLOAD, KEYS[2]: bytes(32)})
    assert await keys.done("runs", KEYS) == [PAYLOAD, None, bytes(32)]
    assert await keys.done("audits", KEYS) == [None, None, None]
    assert await keys.done("runs", []) == []


async def test_yesterday_is_remembered_and_the_day_before_is_not(redis_url: str) -> None:
    now = time.time()
    for days_ago, expected in ((1, PAYLOAD), (2, None)):
        async with keys_at(redis_url, clock=lambda back=days_ago: now - back * DAY_SECONDS) as then:
            await then.settle("runs", {KEYS[days_ago]: PAYLOAD})
        # Midnight may come meanwhile.
        async with keys_at(redis_url, clock=lambda: now) as today:
            assert await today.done("runs", [KEYS[days_ago]]) == [expected]


async def test_marks_expire_as_a_whole_day(keys: IdempotencyKeys, redis_url: str) -> None:
    await keys.settle("runs", {KEYS[0]: PAYLOAD})
    async with redis.asyncio.Redis.from_url(redis_url) as client:
        [name] = await client.keys("*")
        assert 2 * DAY_SECONDS < await client.ttl(name) <= 3 * DAY_SECONDS


async def test_a_redis_that_is_away_makes_everything_unknown_and_is_left_alone_for_a_while() -> None:
    tried = 0

    async def refuse(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal tried
        tried += 1
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with keys_at(f"redis://127.0.0.1:{port}/0", pause=3600.0) as keys:
        for _ in range(3):
            assert await keys.done("runs", KEYS) == [None, None, None]
            await keys.settle("runs", {KEYS[0]: PAYLOAD})
    server.close()
    await server.wait_closed()
    assert tried == 1


async def test_a_redis_that_does_not_answer_costs_one_time_out(redis_url: str, servers: Servers) -> None:
    async with keys_at(redis_url, pause=0.0) as keys:
        await keys.settle("runs", {KEYS[0]: PAYLOAD})
        servers.pause("redis")
        try:
            keys._timeout = 0.3
            assert await keys.done("runs", KEYS) == [None, None, None]
        finally:
            servers.resume("redis")
        keys._timeout = PATIENCE
        # An answer to the question that was given up must not be taken for the answer to this one.
        assert await keys.done("runs", [KEYS[1], KEYS[0]]) == [None, PAYLOAD]
