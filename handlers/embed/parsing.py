"""Documents read in processes of their own, so that none of them can harm its neighbours.

PDFium is not safe between threads, a malformed file can crash, loop or eat memory in native code, and a ProcessPoolExecutor
breaks as a whole when one of its processes does.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, suppress
from types import TracebackType
from typing import Final, Self

from events.failures import Reason, Transient
from handlers.embed.failures import ParserDied, Unreadable
from handlers.embed.model import Limits, Parsed
from handlers.embed.process import READ, ParserProcess

# How long closing waits for processes that were killed or told to leave.
CLOSE_SECONDS: Final = 5.0


class ParserPool:
    """At most `processes` documents are read at a time, each by a process that reads one at a time.

    Processes start when they are first needed, stay for `documents_each` documents, and are replaced when they die or are
    killed. `read` names the function that reads, as `module:function` with the signature of `parse_here`.
    """

    def __init__(self, processes: int = 2, *, documents_each: int = 100, read: str = READ) -> None:
        self._processes = processes
        self._documents_each = documents_each
        self._read = read
        self._slots = asyncio.Semaphore(processes)
        self._idle: list[ParserProcess] = []
        self._busy: set[ParserProcess] = set()
        self._ending: set[asyncio.Task[str]] = set()
        self._closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def parse(self, content: bytes, filename: str, media_type: str | None = None, limits: Limits | None = None) -> Parsed:
        """The document's chunks; waits while all processes are busy.

        Raises Unreadable (the document's fault: unsupported, encrypted, needs_ocr, too_large, corrupt); Unfinished or
        Transient when another attempt may succeed, also when the pool is closed. A document that ended a process which had
        read others before is read again in a fresh one, so that it does not pay for their damage.
        """
        limits = limits or Limits()
        limits.require_size(content)
        async with self._slots:
            if self._idle:
                try:
                    return await self._read_by(self._idle.pop(), content, filename, media_type, limits)
                except ParserDied as death:
                    if death.failure.code == "too_large":
                        raise death.failure from None
            self._require_open()
            try:
                return await self._read_by(await ParserProcess.start(self._read), content, filename, media_type, limits)
            except ParserDied as death:
                self._require_open()
                raise death.failure from None

    async def close(self) -> None:
        """Ends the processes at once, whatever they read, and waits CLOSE_SECONDS at most. May be called again."""
        self._closed = True
        for process in self._busy:
            process.kill()
        while self._idle:
            self._end(self._idle.pop())
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS), AsyncExitStack() as stack:
                for _ in range(self._processes):
                    await stack.enter_async_context(self._slots)
                await asyncio.gather(*self._ending)

    def _require_open(self) -> None:
        if self._closed:
            raise Transient(Reason.INTERNAL, "the parsers are closed: the worker ends")

    async def _read_by(
        self, process: ParserProcess, content: bytes, filename: str, media_type: str | None, limits: Limits
    ) -> Parsed:
        self._busy.add(process)
        try:
            self._require_open()
            parsed = await process.parse(content, filename, media_type, limits)
        except Unreadable:
            self._keep(process)
            raise
        except BaseException:  # also a caller that waits no longer: the process is in the middle of something
            process.kill()
            self._end(process)
            raise
        finally:
            self._busy.discard(process)
        self._keep(process)
        return parsed

    def _keep(self, process: ParserProcess) -> None:
        if self._closed or process.documents >= self._documents_each:
            self._end(process)
        else:
            self._idle.append(process)

    def _end(self, process: ParserProcess) -> None:
        task = asyncio.create_task(process.end())
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)
