"""A lease is one worker's at a time, ends by itself, and is ended or renewed by its own token only."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest
import redis.asyncio
import redis.exceptions

from storage.idempotency import IdempotencyKeys
from storage.leases import Leases, new_token

KEYS = [bytes([number]) * 16 for number in range(3)]
# Longer than any machine stands still.
LONG = 600.0


async def take(leases: Leases, keys: Sequence[bytes], flow: str = "audits") -> dict[bytes, bytes]:
    """The leases taken, each under a token of its own."""
    tokens = {key: new_token() for key in keys}
    return {key: tokens[key] for key in await leases.take(flow, tokens)}


@pytest.fixture
async def keys(redis_url: str) -> AsyncIterator[IdempotencyKeys]:
    opened = IdempotencyKeys(redis_url, timeout=60.0)
    yield opened
    await opened.close()


@pytest.fixture
def leases(keys: IdempotencyKeys) -> Leases:
    return keys.leases(LONG)


async def test_what_is_held_is_not_taken_again(leases: Leases) -> None:
    assert (await take(leases, KEYS[:2])).keys() == set(KEYS[:2])
    assert (await take(leases, KEYS)).keys() == {KEYS[2]}
    assert (await take(leases, KEYS, "documents")).keys() == set(KEYS)


async def test_what_is_taken_again_under_the_same_token_is_taken(leases: Leases) -> None:
    tokens = {key: new_token() for key in KEYS[:2]}
    assert await leases.take("audits", tokens) == tokens.keys()
    assert await leases.take("audits", tokens) == tokens.keys()


async def test_a_lease_ends_by_itself_unless_it_is_renewed(keys: IdempotencyKeys) -> None:
    held = await take(keys.leases(0.5), KEYS[:2])
    long = keys.leases(LONG)
    # Once, for however long the test is held up after it.
    assert await long.renew("audits", {KEYS[0]: held[KEYS[0]]}) == []
    async with asyncio.timeout(60):
        while not (taken := await take(long, KEYS[:2])):  # noqa: ASYNC110 - Redis tells nobody
            await asyncio.sleep(0.05)
    assert taken.keys() == {KEYS[1]}


async def test_a_lease_that_redis_has_lost_is_taken_anew_by_its_renewal(leases: Leases, redis_url: str) -> None:
    held = await take(leases, KEYS)
    async with redis.asyncio.Redis.from_url(redis_url) as client:
        await client.flushdb()
    assert (await take(leases, KEYS[:1])).keys() == {KEYS[0]}  # another was quicker
    assert await leases.renew("audits", held) == [KEYS[0]]
    assert await take(leases, KEYS) == {}


async def test_what_is_held_may_change_while_it_is_renewed(leases: Leases) -> None:
    held = await take(leases, KEYS[:2])
    renewal = asyncio.create_task(leases.renew("audits", held))
    await asyncio.sleep(0)
    del held[KEYS[0]]
    held |= {KEYS[2]: b"another", b"k": b"more"}
    assert await renewal == []


async def test_only_the_holder_releases(leases: Leases) -> None:
    held = await take(leases, KEYS)
    await leases.release("audits", [(KEYS[0], b"another's"), (KEYS[1], held[KEYS[1]])])
    assert (await take(leases, KEYS)).keys() == {KEYS[1]}


async def test_a_redis_that_takes_nothing_in_does_not_count_as_there(leases: Leases, redis_url: str) -> None:
    await leases.ping()
    async with redis.asyncio.Redis.from_url(redis_url) as client:
        before = (await client.config_get("maxmemory"))["maxmemory"]
        await client.config_set("maxmemory", 1)
        try:
            with pytest.raises(redis.exceptions.RedisError):
                await leases.ping()
        finally:
            await client.config_set("maxmemory", before)
