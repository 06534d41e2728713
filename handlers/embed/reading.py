"""A process that reads documents: requests come in by its standard input, answers go out by its standard output.

A request is two frames, a head (JSON) and the file's bytes; an answer is one frame of JSON: `{"parsed": …}` or
`{"failure": [code, message]}`. A frame is a length of eight bytes, big-endian, and so many bytes. The first frame, empty,
says that the process is ready. It ends when its input does; that it is JSON keeps a process that a file has taken over from
doing the same to the one that asks.
"""

from __future__ import annotations

import importlib
import json
import math
import os
import resource
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import orjson

from handlers.embed.failures import Unreadable
from handlers.embed.model import Limits, Parsed

LENGTH_BYTES = 8

Read = Callable[[bytes, str, str | None, Limits], Parsed]


def main() -> None:
    """Serves until the input ends. The argument names the function that reads, as `module:function`."""
    for signum in (signal.SIGINT, signal.SIGTERM):  # the one that asks decides when this ends
        signal.signal(signum, signal.SIG_IGN)
    _limit(resource.RLIMIT_CORE, 0)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints is no answer
    module, _, name = sys.argv[1].partition(":")
    serve(sys.stdin.buffer, answers, getattr(importlib.import_module(module), name))


def serve(requests: BinaryIO, answers: BinaryIO, read: Read) -> None:
    """Answers each request in turn."""
    _send(answers, b"")
    while (head := _receive(requests)) is not None and (content := _receive(requests)) is not None:
        request = json.loads(head)
        _send(answers, _answer(content, request["filename"], request["media_type"], Limits(**request["limits"]), read))


def _answer(content: bytes, filename: str, media_type: str | None, limits: Limits, read: Read) -> bytes:
    try:
        _limit_document(limits)
        return orjson.dumps({"parsed": read(content, filename, media_type, limits)})
    except Unreadable as unreadable:
        failure = unreadable
    except MemoryError:
        failure = limits.out_of_memory()
    finally:
        for kind in (resource.RLIMIT_AS, resource.RLIMIT_CPU):
            _limit(kind, None)
    return orjson.dumps({"failure": [failure.code, failure.message]})


def _limit_document(limits: Limits) -> None:
    _limit(resource.RLIMIT_CPU, math.ceil(time.process_time()) + limits.cpu_seconds)
    memory = Path("/proc/self/statm")  # where there is none, the limit is not held either
    if memory.exists():
        pages = int(memory.read_text(encoding="ascii").split()[0])
        _limit(resource.RLIMIT_AS, pages * resource.getpagesize() + limits.memory_bytes)


def _limit(kind: int, soft: int | None) -> None:
    """Sets the soft limit, as far as the hard one allows; None: as far as that."""
    hard = resource.getrlimit(kind)[1]
    if soft is None or (hard != resource.RLIM_INFINITY and soft > hard):
        soft = hard
    resource.setrlimit(kind, (soft, hard))


def _receive(requests: BinaryIO) -> bytes | None:
    length = requests.read(LENGTH_BYTES)
    if len(length) < LENGTH_BYTES:
        return None
    return requests.read(int.from_bytes(length))


def _send(answers: BinaryIO, frame: bytes) -> None:
    answers.write(len(frame).to_bytes(LENGTH_BYTES))
    answers.write(frame)
    answers.flush()


if __name__ == "__main__":
    main()
