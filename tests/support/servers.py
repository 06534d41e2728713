"""What the tests ask of their servers, whoever runs them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol


class Servers(Protocol):
    """PostgreSQL, Redis, Kafka and the stand-in for OpenAI: `postgres`, `redis`, `kafka`, `openai`.

    All methods block, for as long as it takes. Addresses, passwords and data outlive a stop and a kill. Those of OpenAI
    are the stand-in's, which forgets its calls and faults. Errors are those of `devstack.failures`.
    """

    def start(self, names: Collection[str] | None = None) -> object:
        """Starts those of the named servers (default: all) that are down, lets paused ones go on, waits until all serve."""

    def stop(self, names: Collection[str] | None = None) -> None:
        """Ends the named servers (default: all) in good order; one that is down is left alone."""

    def kill(self, name: str) -> None:
        """Ends a server as SIGKILL does. Raises NotRunning."""

    def pause(self, name: str) -> None:
        """Holds a server still: clients wait, connections stay. Raises NotRunning."""

    def resume(self, name: str) -> None:
        """Lets a paused server go on. Raises NotRunning."""

    def env(self) -> dict[str, str]:
        """The variables by which applications find the servers that were started. Raises NeverStarted before that."""

    def superuser_url(self) -> str:
        """PostgreSQL's superuser in the database `millrace`. Raises NeverStarted."""
