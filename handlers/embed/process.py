"""A process that reads documents, as seen by the one that asks."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from asyncio import IncompleteReadError, StreamReader
from asyncio.subprocess import PIPE, Process
from contextlib import suppress
from dataclasses import asdict
from typing import Any

import orjson

from events.failures import Failure, Reason, Transient
from handlers.embed.failures import ParserDied, Unfinished, Unreadable
from handlers.embed.model import Limits, Parsed
from handlers.embed.reading import LENGTH_BYTES

READ = "handlers.embed.parse:parse_here"
START_SECONDS = 60.0

_ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TMPDIR")
_PIECE_BYTES = 1024 * 1024
_LAST_WORDS_BYTES = 4096
_LEAVE_SECONDS = 2.0
_ABORTS_OUT_OF_MEMORY = (b"memory allocation of", b"out of memory", b"Out of memory", b"std::bad_alloc", b"MemoryError")


class ParserProcess:
    """One process and the pipes to it; it reads one document at a time."""

    def __init__(self, process: Process) -> None:
        if process.stdin is None or process.stdout is None or process.stderr is None:
            raise TypeError("a parser is asked through pipes")
        self.documents = 0
        self._process = process
        self._requests = process.stdin
        self._answers = process.stdout
        self._last_words = asyncio.create_task(_tail(process.stderr))

    @classmethod
    async def start(cls, read: str = READ) -> ParserProcess:
        """A process that is ready. It sees nothing of this one's environment, and no signal meant for its terminal.

        Raises Transient when it does not start, which is not the document's fault.
        """
        command = (sys.executable, "-m", "handlers.embed.reading", read)
        try:
            process = await asyncio.create_subprocess_exec(
                *command, stdin=PIPE, stdout=PIPE, stderr=PIPE, env=_environment(), limit=_PIECE_BYTES, start_new_session=True
            )
        except OSError as error:
            raise Transient(Reason.INTERNAL, f"a parser does not start: {error}") from error
        started = cls(process)
        try:
            async with asyncio.timeout(START_SECONDS):
                await started._receive(0)
        except (ParserDied, TimeoutError) as error:
            raise Transient(Reason.INTERNAL, f"a parser does not start: {await started.end()}") from error
        except BaseException:
            started.kill()
            await started.end()
            raise
        return started

    async def parse(self, content: bytes, filename: str, media_type: str | None, limits: Limits) -> Parsed:
        """The document, read.

        Raises Unreadable, or Unfinished when time ran out, after which the process must be ended; ParserDied.
        """
        self.documents += 1
        head = {"filename": filename, "media_type": media_type, "limits": asdict(limits)}
        try:
            async with asyncio.timeout(limits.seconds):
                with suppress(ConnectionError):  # it died: what there is to say follows
                    await self._send(json.dumps(head).encode("ascii"))
                    await self._send(content)
                answer = await self._receive(_most(limits), limits)
        except TimeoutError as error:
            raise Unfinished("too_large", f"not read within {limits.seconds:g} s") from error
        return _parsed(answer)

    def kill(self) -> None:
        """Ends the process at once, and what it may have started; `end` is still to be awaited."""
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)  # Process.kill may take the exit status from asyncio's watcher

    async def end(self) -> str:
        """Lets the process leave, kills it if it does not, and returns its last words."""
        try:
            await self._leave()
            return (await self._last_words).decode("utf-8", "replace").strip().rpartition("\n")[2]
        finally:
            # What the process has left behind may hold its pipes open, and asyncio has no other way to close this end.
            self._process._transport.close()  # type: ignore[attr-defined]  # noqa: SLF001

    async def _leave(self) -> int:
        self._requests.close()
        try:
            async with asyncio.timeout(_LEAVE_SECONDS):
                return await self._process.wait()
        except TimeoutError:
            self.kill()
            return await self._process.wait()

    async def _send(self, frame: bytes) -> None:
        self._requests.write(len(frame).to_bytes(LENGTH_BYTES))
        pieces = memoryview(frame)
        for start in range(0, len(frame), _PIECE_BYTES):
            self._requests.write(pieces[start : start + _PIECE_BYTES])
            await self._requests.drain()

    async def _receive(self, most: int, limits: Limits | None = None) -> bytes:
        try:
            length = int.from_bytes(await self._answers.readexactly(LENGTH_BYTES))
            if length > most:
                raise ParserDied(_out_of_control())
            return await self._answers.readexactly(length)
        except IncompleteReadError as error:
            returncode = await self._leave()
            raise ParserDied(meaning(returncode, await self._last_words, limits or Limits())) from error


def meaning(returncode: int, last_words: bytes, limits: Limits) -> Failure:
    """What the death of the process that read it says of a document.

    Out of time of the processor or of memory: it is too large. A SIGKILL that was not ours may have hit the wrong one: another
    attempt decides. Anything else: a document that crashes a parser is corrupt.
    """
    if returncode == -signal.SIGXCPU:
        return Unreadable("too_large", f"reading it takes more than {limits.cpu_seconds} s of processor time")
    if any(words in last_words for words in _ABORTS_OUT_OF_MEMORY):
        return limits.out_of_memory()
    if returncode == -signal.SIGKILL:
        return Unfinished("corrupt", "the parser was killed while it read this document")
    return Unreadable("corrupt", f"the parser died of it ({_named(returncode)})")


def _out_of_control() -> Unreadable:
    return Unreadable("corrupt", "the parser gave an answer that makes no sense")


def _named(returncode: int) -> str:
    try:
        return signal.Signals(-returncode).name
    except ValueError:
        return f"exit code {returncode}"


def _parsed(answer: bytes) -> Parsed:
    try:
        data: dict[str, Any] = orjson.loads(answer)
        if "parsed" in data:
            return Parsed.from_json(data["parsed"])
        code, message = data["failure"]
    except (ValueError, KeyError, TypeError) as error:
        raise ParserDied(_out_of_control()) from error
    raise Unreadable(code, message)


def _most(limits: Limits) -> int:
    """No answer is longer: UTF-8 takes up to 4 bytes a character, chunks overlap and have numbers beside them."""
    return 1024 * 1024 + 8 * limits.characters + 256 * limits.chunks + 512 * limits.pages


def _environment() -> dict[str, str]:
    """Where the process finds its modules; no secret of this one."""
    kept = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    return {**kept, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}


async def _tail(stream: StreamReader) -> bytes:
    """The last of what the stream gives until it ends; it is read all the time, so that nobody waits for room in it."""
    tail = b""
    while piece := await stream.read(_LAST_WORDS_BYTES):
        tail = (tail + piece)[-_LAST_WORDS_BYTES:]
    return tail
