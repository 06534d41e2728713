"""Idempotency keys in Redis: what is already done, asked and told a batch at a time.

Keys save work and decide nothing: a key that is missing means *unknown*, and one that is there is confirmed by the
inbox before a record is skipped. One hash a day and flow, so that a batch is one HMGET a day kept, and old days expire
whole; the field is the event's key, the value the hash of its payload.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import hiredis
import redis.asyncio as redis
import structlog
from redis.exceptions import RedisError

from storage.leases import Leases

log = structlog.get_logger(__name__)

DAY_SECONDS = 86_400

# A worker that does not hear from Redis for so long goes on without it.
ANSWER_SECONDS = 1.0


class IdempotencyKeys:
    """The done marks of one Redis.

    A Redis that fails is left alone for `pause` seconds, so that a dead one costs one time-out, not one a batch.
    """

    def __init__(
        self,
        url: str,
        *,
        days: int = 2,
        timeout: float = ANSWER_SECONDS,
        pause: float = 2.0,
        prefix: str = "millrace",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._redis = redis.Redis.from_url(
            url, socket_timeout=timeout, socket_connect_timeout=timeout, retry=None, protocol=2, max_connections=16
        )
        self._days, self._timeout, self._pause, self._prefix, self._clock = days, timeout, pause, prefix, clock
        self._resting_until = 0.0

    async def done(self, flow: str, keys: Sequence[bytes]) -> list[bytes | None]:
        """For each key the payload hash it was done with, or None when unknown; all None while Redis is away."""
        unknown: list[bytes | None] = [None] * len(keys)
        if not keys or self._resting():
            return unknown
        commands = [(b"HMGET", name, *keys) for name in self._names(flow)]
        days = await self._pipeline(commands)
        found = unknown
        for day in days or ():
            # Most batches are new, and then no day has anything.
            if any(day):
                found = [mark if mark is not None else older for mark, older in zip(found, day, strict=True)]
        return found

    async def settle(self, flow: str, marks: Mapping[bytes, bytes]) -> None:
        """Marks events as done: key → payload hash. Losing a mark costs a look into the inbox, no more."""
        if not marks or self._resting():
            return
        today = self._names(flow)[0]
        pairs = [part for pair in marks.items() for part in pair]
        await self._pipeline([(b"HSET", today, *pairs), (b"EXPIRE", today, (self._days + 1) * DAY_SECONDS)])

    def leases(self, seconds: float) -> Leases:
        """Leases in the same Redis."""
        return Leases(self._redis, seconds=seconds, timeout=self._timeout, prefix=self._prefix)

    async def ping(self) -> None:
        """Raises what the client raises when Redis does not answer."""
        async with asyncio.timeout(self._timeout):
            await cast("Any", self._redis.ping())

    async def close(self) -> None:
        await self._redis.aclose()

    def _names(self, flow: str) -> list[str]:
        today = int(self._clock() // DAY_SECONDS)
        return [f"{self._prefix}:done:{flow}:{today - back}" for back in range(self._days)]

    def _resting(self) -> bool:
        return time.monotonic() < self._resting_until

    async def _pipeline(self, commands: Sequence[tuple[Any, ...]]) -> list[Any] | None:
        """The replies to commands that travel together; None when Redis did not answer all of them."""
        # hiredis packs a batch in a tenth of the time that the client's own packing takes.
        packed = b"".join(hiredis.pack_command(command) for command in commands)
        try:
            async with asyncio.timeout(self._timeout):
                return await self._exchange(packed, len(commands))
        except (RedisError, OSError, TimeoutError) as error:
            self._resting_until = time.monotonic() + self._pause
            log.warning("redis_away", error=repr(error), detail="records are checked against the inbox instead")
            return None

    async def _exchange(self, packed: bytes, replies: int) -> list[Any]:
        pool = cast("Any", self._redis.connection_pool)
        connection = await pool.get_connection()
        try:
            await connection.send_packed_command([packed])
            return [await connection.read_response() for _ in range(replies)]
        except BaseException:
            # What is left unread would be taken for the answer to the next question.
            await connection.disconnect(nowait=True)
            raise
        finally:
            await pool.release(connection)
