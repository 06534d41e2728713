"""Leases in Redis: work that is paid for is begun by one worker at a time.

A lease keeps money from being spent twice; it decides nothing. Losing it, with Redis or its data, costs at most a call:
what takes effect is decided by the inbox.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from secrets import token_bytes
from typing import Any

import redis.asyncio as redis

# What is gone is taken, anew where Redis has lost it. What another holds stays another's.
HOLD = """
local held = redis.call('get', KEYS[1])
if held and held ~= ARGV[1] then
    return 0
end
redis.call('set', KEYS[1], ARGV[1], 'px', ARGV[2])
return 1
"""

RELEASE = """
if redis.call('get', KEYS[1]) == ARGV[1] then
    return redis.call('del', KEYS[1])
end
return 0
"""


def new_token() -> bytes:
    """A token that nobody else has."""
    return token_bytes(16)


class Leases:
    """Leases on events by their keys, `seconds` long unless renewed.

    Every method raises what the client raises when Redis does not answer.
    """

    def __init__(self, client: redis.Redis, *, seconds: float, timeout: float, prefix: str) -> None:
        self.seconds, self._redis, self._timeout, self._prefix = seconds, client, timeout, prefix

    async def take(self, flow: str, wanted: Mapping[bytes, bytes]) -> set[bytes]:
        """Takes what nobody else holds, each key under the token that is given for it; returns the keys taken.

        The same asked again takes nothing from itself, so an answer that was lost costs nothing.
        """
        asked = dict(wanted)
        answers = await self._run(HOLD, flow, asked.items(), self._milliseconds)
        return {key for key, taken in zip(asked, answers, strict=True) if taken}

    async def renew(self, flow: str, held: Mapping[bytes, bytes]) -> list[bytes]:
        """Lets each lease run anew from now; returns the keys that another has taken meanwhile."""
        asked = dict(held)  # more may be held before the answer is there
        kept = await self.take(flow, asked)
        return [key for key in asked if key not in kept]

    async def release(self, flow: str, held: Iterable[tuple[bytes, bytes]]) -> None:
        """Ends leases, each named by its key and its token; those of others stay."""
        await self._run(RELEASE, flow, held)

    async def ping(self) -> None:
        """Raises what the client raises when Redis does not answer or takes nothing in: it may be full, or a replica."""
        async with asyncio.timeout(self._timeout):
            await self._redis.set(f"{self._prefix}:lease:ping", b"", px=1000)

    async def _run(self, script: str, flow: str, held: Iterable[tuple[bytes, bytes]], *arguments: Any) -> list[Any]:
        async with asyncio.timeout(self._timeout), self._redis.pipeline(transaction=False) as pipe:
            for key, token in held:
                pipe.eval(script, 1, self._name(flow, key), token, *arguments)
            return await pipe.execute()

    @property
    def _milliseconds(self) -> int:
        return int(self.seconds * 1000)

    def _name(self, flow: str, key: bytes) -> str:
        return f"{self._prefix}:lease:{flow}:{key.hex()}"
