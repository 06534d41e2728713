"""What the rig does inside a worker: it ends the process at named points, shortens long waits and, once, cheats.

Nothing of the product knows of this. Every name that is wrapped is listed here, and a worker refuses to start when one
is gone: a kill point that is never passed would prove nothing.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import fields, replace
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from handlers.audit.flow import AuditsFlow
from handlers.embed.flow import DocumentsFlow
from handlers.price import ending
from handlers.price.flow import RunsFlow
from handlers.price.slices import SlicesFlow
from millrace import composition
from storage.database import Database
from streams import retry
from streams.config import EngineConfig
from streams.group import GroupSaver
from streams.lane import Lane
from streams.leasing import Leasing, NoLeases
from streams.publisher import Publisher

KILL_POINTS = (
    "before_claim",
    "after_claim",
    "mid_work",
    "before_commit",
    "after_commit",
    "before_publish",
    "before_ack",
    "after_ack",
    "before_offset_commit",
    "mid_slice",
    "after_count",
)
# Passed by whoever prices slices alone.
SLICE_POINTS = ("mid_slice", "after_count")
# A moment into an await, in which a thread has begun to compute, or a request to leave.
MOMENT = 0.003

POISON = "poison-"

Method = Callable[..., Awaitable[Any]]


class Killer:
    """Ends this process with SIGKILL when `point` is passed for the `nth` time."""

    def __init__(self, point: str, nth: int) -> None:
        self.point, self.left = point, nth

    def passed(self, point: str) -> None:
        if point != self.point:
            return
        self.left -= 1
        if self.left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def is_about(self, *points: str) -> bool:
        return self.point in points


def install_kill_point(point: str, nth: int) -> None:
    """Wraps what has the named point in it."""
    assert point in KILL_POINTS, f"there is no kill point {point!r}, only {', '.join(KILL_POINTS)}"
    killer = Killer(point, nth)
    if killer.is_about("before_claim", "after_claim"):
        for owner in (Leasing, NoLeases):
            _wrap(owner, "claim", functools.partial(_around, killer, "before_claim", "after_claim"))
    if killer.is_about("mid_work"):
        for flow in (RunsFlow, DocumentsFlow, AuditsFlow):
            _wrap(flow, "work", functools.partial(_amid, killer, "mid_work"))
    if killer.is_about("before_commit", "after_commit"):
        _wrap_saver(killer)
    if killer.is_about("before_publish", "after_ack"):
        _wrap(Publisher, "publish", functools.partial(_around, killer, "before_publish", "after_ack"))
    if killer.is_about("before_ack"):
        _wrap(Publisher, "publish", functools.partial(_amid, killer, "before_ack"))
    if killer.is_about("before_offset_commit"):
        _wrap(AIOKafkaConsumer, "commit", functools.partial(_around, killer, "before_offset_commit", ""))
    if killer.is_about(*SLICE_POINTS):
        _wrap(SlicesFlow, "work", functools.partial(_amid, killer, "mid_slice"))
        _wrap(ending, "count_slices", functools.partial(_around, killer, "", "after_count"))


def die_of_poison() -> None:
    """Work on an event whose id begins with POISON ends the process: a segfault, or all memory taken."""

    def around(method: Method) -> Method:
        async def wrapped(self: RunsFlow, events: Any, loaded: Any) -> Any:
            if any(event.id.startswith(POISON) for event in events):
                os.kill(os.getpid(), signal.SIGKILL)
            return await method(self, events, loaded)

        return wrapped

    _wrap(RunsFlow, "work", around)


def shorten_waits() -> None:
    """What a dead worker had in hand is taken over after seconds; these terms are no settings."""
    assert hasattr(retry, "TERM"), "streams.retry.TERM is gone: the rig shortens it"
    assert "claim" in {each.name for each in fields(EngineConfig)}, "EngineConfig has no claim any more"
    retry.TERM = 6.0
    built = composition.engine_config
    composition.engine_config = lambda settings: replace(built(settings), claim=3.0)


def commit_early() -> None:
    """Commits what has been fetched, before anything of it is durable: what no worker may ever do."""
    assert hasattr(Lane, "intake")
    taken = Lane.intake
    tasks = set()

    def intake(self: Lane, records: Any, end: int) -> None:
        taken(self, records, end)
        last, consumer = records[-1], self.offsets.consumer()
        if consumer is not None:
            offsets = {TopicPartition(last.topic, last.partition): last.offset + 1}
            tasks.add(asyncio.ensure_future(consumer.commit(offsets)))

    def around(method: Method) -> Method:
        async def wrapped(*arguments: Any, **named: Any) -> Any:
            # Whoever dies before he saves has lied already.
            await asyncio.gather(*tasks, return_exceptions=True)
            return await method(*arguments, **named)

        return wrapped

    Lane.intake = intake  # type: ignore[method-assign]
    _wrap(GroupSaver, "save", around)


def count_twice() -> None:
    """Counts the first slice of a run twice, as one that came again would be if its row did not say that it has ended."""

    def around(method: Method) -> Method:
        async def wrapped(connection: Any, ended: Any) -> Any:
            firsts = {key: where for key, where in ended.items() if key.slice_no == 0}
            if firsts:
                await method(connection, firsts)
            return await method(connection, ended)

        return wrapped

    _wrap(ending, "count_slices", around)


def _wrap(owner: Any, name: str, around: Callable[[Method], Method]) -> None:
    method = getattr(owner, name, None)
    assert inspect.iscoroutinefunction(method), f"{owner.__name__}.{name} is gone: the rig's kill points stand on it"
    setattr(owner, name, functools.wraps(method)(around(method)))


def _around(killer: Killer, before: str, after: str, method: Method) -> Method:
    async def wrapped(*arguments: Any, **named: Any) -> Any:
        killer.passed(before)
        answer = await method(*arguments, **named)
        killer.passed(after)
        return answer

    return wrapped


def _amid(killer: Killer, point: str, method: Method) -> Method:
    async def wrapped(*arguments: Any, **named: Any) -> Any:
        under_way = asyncio.ensure_future(method(*arguments, **named))
        await asyncio.wait({under_way}, timeout=MOMENT)
        killer.passed(point)
        return await under_way

    return wrapped


def _wrap_saver(killer: Killer) -> None:
    parameters = inspect.signature(GroupSaver.__init__).parameters
    assert "database" in parameters, "GroupSaver has no database any more: the rig's kill points stand on it"
    assert hasattr(Database, "transaction")
    built = GroupSaver.__init__

    @functools.wraps(built)
    def init(self: GroupSaver, *arguments: Any, **named: Any) -> None:
        built(self, *arguments, **named)
        self.database = _Watched(self.database, killer)  # type: ignore[assignment]

    GroupSaver.__init__ = init  # type: ignore[method-assign]


class _Watched:
    """A database whose transactions pass the kill points around their commit."""

    def __init__(self, database: Database, killer: Killer) -> None:
        self._database, self._killer = database, killer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Any]:
        async with self._database.transaction() as connection:
            yield connection
            self._killer.passed("before_commit")
        self._killer.passed("after_commit")
