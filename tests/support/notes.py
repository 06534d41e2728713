"""A flow of the tests' own: a note is written down, and misbehaves when it is told to."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, ClassVar

import orjson
from pydantic import field_validator

from events.event import Event
from events.failures import Conflict, Failure, Permanent, Transient, Waiting
from events.model import Data
from handlers.answer import Answer
from handlers.flow import FlowSpec
from handlers.resources import Resources
from storage.database import Connection

# For as long as it takes, and for what waits in vain: short, since a test waits for its end.
LONG_WAIT, VAIN_WAIT = 600.0, 3.0
FOR_EVER = "ever"
TABLE = "create table notes (source text, event_id text, text text, primary key (source, event_id))"


class NoteRequested(Data):
    """`behave`: ok | permanent | bug | unstorable | transient:<failing tries> | waiting:<looks in vain, or `ever`> |
    sleep:<seconds> | hang (until it is taken out of `running`, whatever is asked of it) | cancelled (as if it had been asked
    to end).

    And `kill` ends the process, of which not even the validation of `abort` is survived.
    """

    text: str
    behave: str = "ok"

    @field_validator("behave")
    @classmethod
    def survives(cls, behave: str) -> str:
        if behave == "abort":
            os.abort()
        return behave


class NotesFlow:
    """Counts what it is asked to do, so that a test can say how often."""

    worked: ClassVar[Counter[str]] = Counter()
    batches: ClassVar[list[int]] = []
    running: ClassVar[set[str]] = set()
    beside: ClassVar[dict[str, int]] = {}
    """How many others slept while a sleeping event was worked on, at its beginning or its end."""

    def __init__(self, resources: Resources) -> None:
        self.resources = resources

    @classmethod
    def forget(cls) -> None:
        """Forgets what it was asked to do in tests before."""
        for known in (cls.worked, cls.batches, cls.running, cls.beside):
            known.clear()

    async def load(self, events: Sequence[Event]) -> list[None]:
        return [None for _ in events]

    async def work(self, events: Sequence[Event], loaded: Sequence[None]) -> list[Any]:
        self.batches.append(len(events))
        return [await self._work(event) for event in events]

    async def save(self, connection: Connection, events: Sequence[Event], results: Sequence[Any]) -> list[Answer | Conflict]:
        rows = [
            (event.source, event.id, result)
            for event, result in zip(events, results, strict=True)
            if not isinstance(result, Failure)
        ]
        await connection.copy_records_to_table("notes", records=rows, columns=("source", "event_id", "text"))
        return [_answer(result) for result in results]

    async def _work(self, event: Event) -> Any:
        self.worked[event.id] += 1
        behave, _, argument = event.data.behave.partition(":")
        if behave == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if behave == "cancelled":
            raise asyncio.CancelledError
        if behave == "permanent":
            return Permanent("internal", "told to fail")
        if behave == "bug":
            raise ValueError("told to have a bug")
        if behave == "transient" and self.worked[event.id] <= int(argument):
            return Transient("internal", "told to fail for now")
        if behave == "waiting" and argument == FOR_EVER:
            return Waiting("note_missing", "told to wait", at_most=VAIN_WAIT)
        if behave == "waiting" and self.worked[event.id] <= int(argument):
            return Waiting("note_missing", "told to wait", at_most=LONG_WAIT)
        if behave == "sleep":
            before = len(self.running)
            self.running.add(event.id)
            await asyncio.sleep(float(argument))
            self.running.discard(event.id)
            self.beside[event.id] = max(before, len(self.running))
        if behave == "hang":
            await self._hang(event.id)
        return "\0" if behave == "unstorable" else event.data.text

    async def _hang(self, event_id: str) -> None:
        self.running.add(event_id)
        while event_id in self.running:
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(0.05)


def _answer(result: Any) -> Answer:
    if isinstance(result, Failure):
        return Answer({"status": "failed", "code": result.code}, result)
    return Answer({"status": "completed", "text": result})


@contextmanager
def hanging() -> Iterator[None]:
    """What hangs does so in this block and no longer, also where a test fails in it: an engine that stops waits for it."""
    try:
        yield
    finally:
        NotesFlow.running.clear()


def notes(prefix: str, **changes: Any) -> FlowSpec:
    """The row of the flow, on topics of a test's own."""
    row: dict[str, Any] = {
        "name": "notes",
        "topic": f"{prefix}notes.requested",
        "models": {"note.requested.v1": NoteRequested},
        "completed_topic": f"{prefix}notes.completed",
        "completed_type": "note.completed.v1",
        "key": lambda data: data.text[:8],
        "batch": 64,
        "hands": 2,
        "timeout": 30.0,
        "build": NotesFlow,
    }
    return FlowSpec(**(row | changes))


def note(event_id: str, text: str = "hello", *, behave: str = "ok", **changes: Any) -> bytes:
    """A note.requested event as JSON."""
    envelope: dict[str, Any] = {
        "specversion": "1.0",
        "id": event_id,
        "source": "/tests",
        "type": "note.requested.v1",
        "clientid": "acme",
        "data": {"text": text, "behave": behave},
    }
    return orjson.dumps(envelope | changes)
