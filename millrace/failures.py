"""What ends a command, as one tree below MillraceError; each is one clear line and an exit code.

CommandError          1   it did not work
├── PortTaken         1   HTTP_PORT belongs to another process
├── WrongSetting      2   a setting is missing or wrong
├── PartlyDone        3   some of it worked
├── Refused           4   it would do harm
└── Unreachable       5   a server is away
"""

from __future__ import annotations

from typing import ClassVar

from events.failures import MillraceError


class CommandError(MillraceError):
    """A command cannot go on. `str()` is what happened, in one line; `advice` is what to do about it, if that is known."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, advice: str = "") -> None:
        super().__init__(message)
        self.advice = advice


class PortTaken(CommandError):
    """Another process listens where the worker's HTTP should."""


class WrongSetting(CommandError):
    """A setting is missing or wrong; the message begins with its name."""

    exit_code = 2


class PartlyDone(CommandError):
    """Some of what was asked for was done, some was not."""

    exit_code = 3


class Refused(CommandError):
    """What was given is understood and not taken; nothing has been done."""

    exit_code = 4


class Unreachable(CommandError):
    """A server does not answer; the message names it and its address, without a password."""

    exit_code = 5
