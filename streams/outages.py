"""Telling an outage from a failure, and waiting for an outage to end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable

from aiokafka.errors import KafkaError

from events.failures import Kind, MillraceError
from storage.faults import OF_THE_CONNECTION, fault_of
from streams import metrics
from streams.backoff import Backoff
from streams.dependency import Dependency


class Outages:
    """The servers that some work depends on.

    What was seen at most `fresh` seconds ago is still so, to those who ask without an error in hand.
    """

    def __init__(self, dependencies: Iterable[Dependency], *, fresh: float = 0.5) -> None:
        self.dependencies, self.fresh = tuple(dependencies), fresh
        self.backoff = Backoff(base=0.2, cap=5.0)

    async def away(self) -> dict[str, str]:
        """The servers that do not answer, each with its error, as seen at most `fresh` seconds ago or when it was time."""
        return await self._found(time.monotonic() - self.fresh)

    async def waited(self, error: BaseException, flow: str, stage: str) -> bool:
        """Whether `error` was an outage; if so, this returns when it is over, else at once.

        An outage is an error of the connection kind, and a probe that has nothing to do with the event fails; or has failed,
        and no other has succeeded until the error came.
        """
        if not is_connection_error(error):
            return False
        was_away = any(each.breaker.error is not None for each in self.dependencies)
        # What was seen before the error says nothing about a server that was there: it may have gone away since.
        if not await self._found(time.monotonic()) and not was_away:
            return False
        metrics.OUTAGES.labels(flow, stage).inc()
        while waiting := [each for each in self.dependencies if each.breaker.error is not None]:
            await asyncio.gather(*(each.until_closed() for each in waiting))
        return True

    async def _found(self, since: float) -> dict[str, str]:
        """The servers away in a look that began after `since`; where one is known to be, the others need not be asked."""
        known = [each for each in self.dependencies if each.breaker.error is not None]
        await asyncio.gather(*(each.found(since) for each in known or self.dependencies))
        found = {each.name: each.told() for each in self.dependencies if each.breaker.error is not None}
        return {name: told or "" for name, told in found.items()}


def is_connection_error(error: BaseException) -> bool:
    """Whether `error` is of the kind that an outage causes."""
    if isinstance(error, MillraceError):
        return error.kind is Kind.OUTAGE
    return isinstance(error, KafkaError) or fault_of(error) in OF_THE_CONNECTION
