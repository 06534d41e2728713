"""uvicorn within the worker's own loop; signals stay the worker's."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import AsyncIterator, Generator
from contextlib import asynccontextmanager, contextmanager

import uvicorn
from fastapi import FastAPI

from millrace.failures import CommandError, PortTaken

STOP_SECONDS = 3


class Server(uvicorn.Server):
    """A uvicorn that leaves signals alone, so that the worker decides when HTTP ends: last."""

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Captures none."""
        yield


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens there. Raises PortTaken, or CommandError for an address this machine does not have."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]
        return socket.create_server((host, port), family=family)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            advice = "Another worker? Choose another HTTP_PORT, or end what listens there."
            raise PortTaken(f"HTTP_PORT {port} on {host} is taken by another process", advice) from None
        raise CommandError(f"cannot listen on HTTP_HOST {host}, HTTP_PORT {port}: {error.strerror}") from None


@asynccontextmanager
async def serving(app: FastAPI, listener: socket.socket) -> AsyncIterator[None]:
    """Serves `app` while the context is open; open requests have a few seconds at its end."""
    config = uvicorn.Config(
        app, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=STOP_SECONDS, server_header=False
    )
    server = Server(config)
    serve = asyncio.create_task(server.serve(sockets=[listener]), name="http")
    try:
        yield
    finally:
        server.should_exit = True
        await serve
