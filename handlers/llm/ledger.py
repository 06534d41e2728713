"""Each answer into `llm_calls`, whatever happens to the one who asked and to Postgres meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from uuid import UUID

import structlog

from storage.database import Database
from storage.embeddings import PaidVector
from storage.faults import Fault, fault_of
from storage.llm_calls import LlmCall, answered, record

log = structlog.get_logger(__name__)

FIRST_WAIT, LONGEST_WAIT = 0.1, 2.0
# How long the end of the worker waits for what is not stored.
LAST_WAIT = 3.0


class Ledger:
    """Writes answers in tasks of their own; one that Postgres does not take is kept and written once it does.

    `seconds` bound how long anybody waits for that.
    """

    def __init__(self, database: Database, seconds: float) -> None:
        self.database, self.seconds = database, seconds
        self._writing: dict[asyncio.Task[None], LlmCall] = {}
        self._delayed: set[UUID] = set()

    async def record(self, call: LlmCall, vectors: Sequence[PaidVector] = ()) -> None:
        """Returns when the answer is stored.

        Raises TimeoutError when that has not happened in time (it will), and what Postgres says of an answer that it cannot
        store at all.
        """
        task = asyncio.create_task(self._write(call, vectors))
        self._writing[task] = call
        task.add_done_callback(self._written)
        # Whoever stops waiting, or is stopped, does not stop the writing.
        async with asyncio.timeout(self.seconds):
            await asyncio.shield(task)

    async def settled(self, event_key: UUID | None = None) -> None:
        """Waits until nothing is delayed, and what was paid for this event is stored: before that, nobody asks for more.

        Raises TimeoutError when that takes too long.
        """
        async with asyncio.timeout(self.seconds):
            while waited := [task for task, call in self._writing.items() if self._matters(call, event_key)]:
                await asyncio.wait(waited)

    async def answered(self, event_key: UUID, request_sha256: bytes) -> LlmCall | None:
        """What this event has paid for the same request before."""
        await self.settled(event_key)
        async with self.database.connection() as connection:
            return await answered(connection, event_key, request_sha256)

    async def close(self) -> None:
        """Waits once more for what is not stored; says so if it is lost."""
        if self._writing:
            await asyncio.wait(list(self._writing), timeout=LAST_WAIT)
        for task, call in list(self._writing.items()):
            log.error("llm_call_lost", **_known_by(call))
            task.cancel()

    async def _write(self, call: LlmCall, vectors: Sequence[PaidVector]) -> None:
        wait = FIRST_WAIT
        while True:
            try:
                async with self.database.transaction() as connection:
                    return await record(connection, call, vectors)
            except Exception as error:
                if fault_of(error) in {None, Fault.BAD}:
                    log.exception("llm_call_lost", **_known_by(call))
                    raise
                log.warning("llm_call_delayed", **_known_by(call), error=f"{type(error).__name__}: {error}", wait=wait)
            self._delayed.add(call.call_id)
            await asyncio.sleep(wait)
            wait = min(LONGEST_WAIT, 2 * wait)

    def _matters(self, call: LlmCall, event_key: UUID | None) -> bool:
        return call.call_id in self._delayed or (event_key is not None and call.event_key == event_key)

    def _written(self, task: asyncio.Task[None]) -> None:
        self._delayed.discard(self._writing.pop(task).call_id)
        if not task.cancelled():
            task.exception()  # logged above; perhaps nobody waits for it


def _known_by(call: LlmCall) -> dict[str, str]:
    return {
        "agent": call.flow,
        "client_id": call.client_id,
        "call_id": str(call.call_id),
        "endpoint": call.endpoint,
        "cost_usd": str(call.cost_usd),
    }
