"""Ports on the loopback interface."""

import random
import socket

HOST = "127.0.0.1"
# Below the range from which the kernel takes ports for outgoing connections, so that a stopped server's stays free.
FIRST, LAST = 18_000, 32_000


def is_free(port: int) -> bool:
    """Whether a server could listen on the port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def pick(names: tuple[str, ...], kept: dict[str, int]) -> dict[str, int]:
    """A free port for each name: the kept one where it is still free, else one drawn at random."""
    ports: dict[str, int] = {}
    for name in names:
        port = kept.get(name)
        while port is None or port in ports.values() or not is_free(port):
            port = random.randint(FIRST, LAST)  # noqa: S311  nothing secret
        ports[name] = port
    return ports
