"""A TCP proxy before a server, that refuses connections, or loses the answer to a commit that was applied.

It runs in a thread of its own, so that nothing else that the rig waits for holds up its bytes.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from contextlib import suppress
from urllib.parse import urlsplit

CHUNK = 256 * 1024
COMMIT = b"COMMIT;\0"
# What a transaction must have mentioned for its answer to be lost: others, such as clearing the outbox, are of no interest.
MARK = b"inbox"


class Proxy:
    """Listens on a port of its own and passes everything on to `url`'s server."""

    def __init__(self, url: str) -> None:
        self.url = url
        parts = urlsplit(url)
        self._target = parts.hostname, parts.port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setblocking(False)
        self.port = self._listener.getsockname()[1]
        self._loop = asyncio.new_event_loop()
        self._writers: set[asyncio.StreamWriter] = set()
        self._refusing = False
        self.answers_to_lose, self.answers_lost = 0, 0
        self._thread = threading.Thread(target=self._run, name=f"proxy of {parts.port}", daemon=True)
        self._thread.start()

    @property
    def own_url(self) -> str:
        """The server's address, by way of this proxy."""
        parts = urlsplit(self.url)
        return parts._replace(netloc=parts.netloc.rpartition(":")[0] + f":{self.port}").geturl()

    def refuse(self, *, refusing: bool) -> None:
        """Whether connections, old and new, are cut at once."""
        self._refusing = refusing
        if refusing:
            self._loop.call_soon_threadsafe(self._cut_all)

    def lose_answers(self, count: int) -> None:
        """Of the next `count` commits that went through the inbox the answer is lost, with the connection."""
        self.answers_to_lose = count

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, sock=self._listener, limit=CHUNK))
        self._loop.run_forever()
        server.close()
        self.refuse(refusing=True)
        self._loop.run_until_complete(asyncio.sleep(0))
        # Each connection ends by itself, now that both of its sides are cut.
        self._loop.run_until_complete(asyncio.gather(*asyncio.all_tasks(self._loop), return_exceptions=True))
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._refusing:
            return writer.transport.abort()
        try:
            upstream_reader, upstream = await asyncio.open_connection(*self._target, limit=CHUNK)
        except OSError:
            return writer.transport.abort()
        link = _Link(self, writer, upstream)
        self._writers |= {writer, upstream}
        try:
            done, pending = await asyncio.wait(
                [
                    asyncio.ensure_future(link.pump(reader, upstream, link.asked)),
                    asyncio.ensure_future(link.pump(upstream_reader, writer, link.answered)),
                ],
                return_when=asyncio.FIRST_COMPLETED,
            )
            for task in pending:
                task.cancel()
            await asyncio.gather(*done, *pending, return_exceptions=True)
        finally:
            self._writers -= {writer, upstream}
            for each in (writer, upstream):
                each.transport.abort()
        return None

    def _cut_all(self) -> None:
        for writer in self._writers:
            writer.transport.abort()


class _Link:
    """One connection through the proxy."""

    def __init__(self, proxy: Proxy, client: asyncio.StreamWriter, server: asyncio.StreamWriter) -> None:
        self.proxy, self.client, self.server = proxy, client, server
        self._marked = self._losing = False

    async def pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, see: object) -> None:
        with suppress(OSError):
            while chunk := await reader.read(CHUNK):
                if not see(chunk):  # type: ignore[operator]
                    return
                writer.write(chunk)
                await writer.drain()

    def asked(self, chunk: bytes) -> bool:
        """Looks at what the client says."""
        self._marked = self._marked or MARK in chunk
        if COMMIT in chunk:
            if self._marked and self.proxy.answers_to_lose > 0:
                self.proxy.answers_to_lose -= 1
                self._losing = True
            self._marked = False
        return True

    def answered(self, _chunk: bytes) -> bool:
        """Whether the client gets to see what the server says."""
        if self._losing:
            self.proxy.answers_lost += 1
        return not self._losing
