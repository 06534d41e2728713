"""As much of HTTP/1.1 as the SDK speaks, on asyncio streams, so that a connection can really be dropped half-way."""

import asyncio
import contextlib
import json
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from devstack.ports import HOST

HEAD_BYTES = 64 * 1024
BODY_BYTES = 64 * 1024 * 1024
HUNG_UP = (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError)
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class Request:
    """One request; names of headers are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


def _nothing() -> None:
    pass


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer. With a `share` below 1, only that much of it is sent before the connection is dropped."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    share: float = 1.0
    on_sent: Callable[[], None] = _nothing
    """Called once the whole answer is on its way to a client that still listens."""

    def encoded(self) -> bytes:
        """The bytes on the wire."""
        lines = [f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        lines += ["content-type: application/json", f"content-length: {len(self.body)}"]
        return "\r\n".join([*lines, "", ""]).encode() + self.body


Respond = Callable[[Request], Awaitable[Answer]]


async def serve(port: int, respond: Respond, host: str = HOST) -> None:
    """Answer requests on that address, each connection's one after the other, until the process ends."""

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer), contextlib.suppress(*HUNG_UP):
            await _converse(reader, writer, respond)

    server = await asyncio.start_server(converse, host, port, limit=HEAD_BYTES)
    async with server:
        await server.serve_forever()


def encode(content: Any) -> bytes:
    """Compact JSON."""
    return json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode()


async def _converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, respond: Respond) -> None:
    while (request := await _read(reader)) is not None:
        answer = await respond(request)
        # A client that has given up in the meantime is not answered, and must not be counted as if it were.
        if reader.at_eof() or not await _send(writer, answer):
            return
        answer.on_sent()
    writer.write(
        Answer(HTTPStatus.BAD_REQUEST, b'{"error":{"message":"This is not HTTP/1.1 as the stand-in speaks it."}}').encoded()
    )


async def _read(reader: asyncio.StreamReader) -> Request | None:
    """The next request, None if it cannot be understood. Raises IncompleteReadError when the client has hung up."""
    head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    words = first.split(" ")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    length = headers.get("content-length", "0")
    if len(words) != 3 or not length.isdecimal() or int(length) > BODY_BYTES or "transfer-encoding" in headers:
        return None
    return Request(words[0], words[1].partition("?")[0], headers, await reader.readexactly(int(length)))


async def _send(writer: asyncio.StreamWriter, answer: Answer) -> bool:
    """Whether the answer went out whole."""
    encoded = answer.encoded()
    if answer.share >= 1:
        writer.write(encoded)
        await writer.drain()
        return True
    if answer.share > 0:
        writer.write(encoded[: int(len(encoded) * answer.share)])
        await writer.drain()
    else:
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
    return False
