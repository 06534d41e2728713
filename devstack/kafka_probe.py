"""Asks a Kafka broker, in its own protocol, whether consumer groups can start.

An open port says little: for seconds after it the group coordinator is missing. The two requests here are what a consumer
sends first: find the group's coordinator (API key 10, version 0), then fetch its committed offsets (API key 9, version 2).
Written out, because a client library would be a second home for Kafka in this project.
"""

import socket
import struct

FIND_COORDINATOR, OFFSET_FETCH = 10, 9
GROUP = "millrace.devstack.probe"
ALL_TOPICS = struct.pack(">i", -1)
TIMEOUT_SECONDS = 1.0


def serves_groups(host: str, port: int) -> bool:
    """Whether the broker's group coordinator answers without an error now."""
    try:
        with socket.create_connection((host, port), timeout=TIMEOUT_SECONDS) as connection:
            found = _ask(connection, FIND_COORDINATOR, 0, _string(GROUP))
            if struct.unpack_from(">h", found)[0] != 0:
                return False
            offsets = _ask(connection, OFFSET_FETCH, 2, _string(GROUP) + ALL_TOPICS)
            return struct.unpack(">ih", offsets) == (0, 0)
    except (OSError, EOFError, struct.error):
        return False


def _ask(connection: socket.socket, api_key: int, version: int, body: bytes) -> bytes:
    """The body of the response, without its size and correlation id."""
    correlation_id = 1
    request = struct.pack(">hhi", api_key, version, correlation_id) + _string("millrace-devstack") + body
    connection.sendall(struct.pack(">i", len(request)) + request)
    size: int = struct.unpack(">i", _receive(connection, 4))[0]
    return _receive(connection, size)[4:]


def _receive(connection: socket.socket, size: int) -> bytes:
    received = b""
    while len(received) < size:
        part = connection.recv(size - len(received))
        if not part:
            raise EOFError
        received += part
    return received


def _string(text: str) -> bytes:
    encoded = text.encode()
    return struct.pack(">h", len(encoded)) + encoded
