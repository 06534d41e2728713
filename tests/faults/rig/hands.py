"""Starting servers from the main thread, where they must be started, while the rig runs on in another."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from tests.support.servers import Servers

T = TypeVar("T")
Job = tuple[asyncio.AbstractEventLoop, "asyncio.Future[object]", Callable[..., object], tuple[Any, ...]]


class Hands:
    """The servers, for coroutines: each call is carried out by the main thread, which does nothing else meanwhile.

    So an event loop goes on while a server takes seconds to come up, and that server lives as long as this process.
    """

    def __init__(self, servers: Servers) -> None:
        self.servers = servers
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()

    def run(self, work: Callable[[Hands], Coroutine[Any, Any, T]]) -> T:
        """Runs a coroutine in a thread of its own, and its calls in this one; returns or raises what it does."""
        results: list[T] = []
        errors: list[BaseException] = []

        def target() -> None:
            try:
                results.append(asyncio.run(work(self)))
            except BaseException as error:  # noqa: BLE001 - the main thread raises it
                errors.append(error)
            finally:
                self._jobs.put(None)

        thread = threading.Thread(target=target, name="rig")
        thread.start()
        while (job := self._jobs.get()) is not None:
            _carry_out(*job)
        thread.join()
        if errors:
            raise errors[0]
        return results[0]

    async def start(self, *names: str) -> None:
        """Starts the named servers, or all."""
        await self._do(self.servers.start, list(names) or None)

    async def kill(self, name: str) -> None:
        await self._do(self.servers.kill, name)

    async def pause(self, name: str) -> None:
        await self._do(self.servers.pause, name)

    async def resume(self, name: str) -> None:
        await self._do(self.servers.resume, name)

    async def _do(self, action: Callable[..., object], *arguments: Any) -> None:
        loop = asyncio.get_running_loop()
        done: asyncio.Future[object] = loop.create_future()
        self._jobs.put((loop, done, action, arguments))
        await done


def _carry_out(
    loop: asyncio.AbstractEventLoop, done: asyncio.Future[object], action: Callable[..., object], arguments: tuple[Any, ...]
) -> None:
    try:
        answer = action(*arguments)
    except Exception as error:  # noqa: BLE001 - who asked for it raises it
        loop.call_soon_threadsafe(_settle, done, None, error)
    else:
        loop.call_soon_threadsafe(_settle, done, answer, None)


def _settle(done: asyncio.Future[object], answer: object, error: Exception | None) -> None:
    if done.cancelled():
        return
    if error is None:
        done.set_result(answer)
    else:
        done.set_exception(error)
