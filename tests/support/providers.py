"""Who runs the servers of the tests: a Docker engine, by testcontainers, where one answers; else the local stack.

MILLRACE_TEST_SERVERS=devstack or =testcontainers decides it for both cases.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from types import MappingProxyType

from devstack.temporary import temporary_stack
from tests.support.servers import Servers

VARIABLE = "MILLRACE_TEST_SERVERS"


@contextmanager
def containers() -> Iterator[Servers]:
    """Containers of their own beside any others; they are removed soon after this process ends, whichever way."""
    # Takes half a second that nobody else needs to wait for.
    from tests.support.containers import Containers  # noqa: PLC0415

    made = Containers()
    try:
        yield made
    finally:
        made.erase()


PROVIDERS: Mapping[str, Callable[[], AbstractContextManager[Servers]]] = MappingProxyType(
    {"devstack": temporary_stack, "testcontainers": containers}
)


def provider(wanted: str | None = None) -> str:
    """The name of the provider that is `wanted`, or that fits this machine. Raises ValueError where there is none of it."""
    if wanted and wanted not in PROVIDERS:
        raise ValueError(f"{VARIABLE} must be one of {', '.join(PROVIDERS)}, got {wanted!r}")
    return wanted or ("testcontainers" if engine_answers() else "devstack")


def engine_answers() -> bool:
    """Whether there is a Docker engine."""
    from tests.support import containers as by_engine  # noqa: PLC0415 - as above

    return by_engine.engine_answers()


def own_servers() -> AbstractContextManager[Servers]:
    """Servers with nothing started yet; they and their data are gone when the context ends."""
    return PROVIDERS[provider(os.environ.get(VARIABLE))]()
