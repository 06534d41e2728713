"""Everything that can go wrong, as one tree.

MillraceError                 root of every error of ours
└── Failure                   a record could not be completed: code and message
    ├── Permanent             bad input: the same event will fail again
    │   └── Rejection         the record was never accepted
    ├── Transient             another attempt may succeed
    │   └── UnknownVersion    a newer worker may know this version of the type
    ├── Waiting               for what other events bring: look again, spend no attempt
    ├── Outage                a server is away: wait, spend no attempt
    │   └── NotAsked          it failed others a moment ago: ask once it may be asked, spend no attempt
    └── Conflict              a key that stands for something else already

failure                       first                      finally
Permanent                     failed completion and dead letter
Rejection, Conflict           dead letter alone
Transient                     a row in `retries`         as Permanent
UnknownVersion                a row in `retries`         as Rejection
Waiting                       a row in `retries`         as Permanent, once it has waited too long
Outage                        the lane waits             the work goes on, or as Transient if no probe saw the outage
NotAsked                      the lane waits             the work goes on
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar, Self

from events.identity import Identity
from events.text import printable


class Kind(StrEnum):
    """What a failure asks of the lane."""

    PERMANENT = "permanent"
    TRANSIENT = "transient"
    WAITING = "waiting"
    OUTAGE = "outage"
    CONFLICT = "conflict"


class Reason(StrEnum):
    """Codes that any flow can give; those of one flow's handlers stand beside its data model."""

    GARBAGE = "garbage"
    TOO_LARGE = "too_large"
    INVALID_ENVELOPE = "invalid_envelope"
    INVALID_DATA = "invalid_data"
    UNKNOWN_TYPE = "unknown_type"
    UNKNOWN_VERSION = "unknown_version"
    GENERATION_NOT_ALLOTTED = "generation_not_allotted"
    PAYLOAD_CONFLICT = "payload_conflict"
    INPUT_CONFLICT = "input_conflict"
    KILLS_WORKER = "kills_worker"
    INTERNAL = "internal"


class MillraceError(Exception):
    """Root of every error that Millrace raises."""

    kind: ClassVar[Kind] = Kind.PERMANENT


class Failure(MillraceError):
    """A record could not be completed.

    `code` is for programs, `message` for people: it is always printable and short, so any column, header or log line
    can hold it. `rejects` says that the end of it is a dead letter alone, without a failed completion.
    """

    rejects: ClassVar[bool] = False

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = printable(message)

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"

    def to_keep(self) -> Self:
        """The failure without the frames that it went through: they hold whatever their functions held, a whole batch."""
        self.__context__ = self.__cause__ = self.__traceback__ = None
        return self


class Permanent(Failure):
    """Bad input: no further attempt can succeed."""


class Rejection(Permanent):
    """The record is no event of ours; `identity` is None unless its envelope was valid."""

    rejects = True

    def __init__(self, code: str, message: str, identity: Identity | None = None) -> None:
        super().__init__(code, message)
        self.identity = identity


class Transient(Failure):
    """Another attempt may succeed, `after` so many seconds at the earliest; attempts are counted."""

    kind = Kind.TRANSIENT

    def __init__(self, code: str, message: str, after: float = 0.0) -> None:
        super().__init__(code, message)
        self.args = (code, message, after)  # what pickle gives back to this method
        self.after = after


class UnknownVersion(Transient):
    """The type is known, its version is not; `identity` is complete, so that the record can be kept for a retry."""

    rejects = True

    def __init__(self, code: str, message: str, identity: Identity) -> None:
        super().__init__(code, message)
        self.args = (code, message, identity)  # what pickle gives back to this method
        self.identity = identity


class Waiting(Failure):
    """The event needs what others bring; no attempt is spent. It fails with `code` once it has waited `at_most` seconds."""

    kind = Kind.WAITING

    def __init__(self, code: str, message: str, at_most: float) -> None:
        super().__init__(code, message)
        self.args = (code, message, at_most)
        self.at_most = at_most


class Outage(Failure):
    """A server is away; nothing is wrong with the event and no attempt is spent."""

    kind = Kind.OUTAGE


class NotAsked(Outage):
    """A server was not asked, because it failed others a moment ago: whatever they met is not the event's doing."""


class Conflict(Failure):
    """The same key with another payload, or the same natural key with another input or client."""

    kind = Kind.CONFLICT
    rejects = True
