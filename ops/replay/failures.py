"""Why a replay does not go on, as one tree below MillraceError.

ReplayError
├── NoSuchReplay   nobody planned it
├── NotApplicable  it has ended, or is of a flow that this version does not have
├── UnderWay       another applies it
├── Gone           Kafka no longer has its records
├── TakenOver      its claim ran out meanwhile, and another applies it now
├── Stopped        somebody told the process to stop
└── GaveUp         a server was away for too long; `server` says which
"""

from __future__ import annotations

from events.failures import MillraceError


class ReplayError(MillraceError):
    """A replay does not go on; `str()` is why, in one line."""


class NoSuchReplay(ReplayError):
    """Nobody planned it."""


class NotApplicable(ReplayError):
    """It has ended, or cannot be applied here."""


class UnderWay(ReplayError):
    """Another applies it."""


class Gone(ReplayError):
    """Kafka no longer has its records."""


class TakenOver(ReplayError):
    """Another applies it now."""


class Stopped(ReplayError):
    """Somebody told the process to stop."""


class GaveUp(ReplayError):
    """A server was away for too long."""

    def __init__(self, server: str, message: str) -> None:
        super().__init__(server, message)
        self.server, self.message = server, message

    def __str__(self) -> str:
        return f"{self.server} is away: {self.message}"
