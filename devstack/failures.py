"""What can go wrong with the local servers, as one tree.

StackError
├── UnsupportedPlatform   the binaries do not run here
├── DownloadFailed        a registry could not be reached, or sent something else than the lock file names
├── PlacementFailed       the state folder cannot be used
├── StackBusy             another start or stop holds the lock
├── UnknownServer         no server of that name
├── NeverStarted          asked for an address before the first start
├── NotRunning            a fault was ordered for a server that is down
├── NotMainThread         an attached start was asked for from a thread
├── ProgramFailed         a helper program ended badly; whoever ran it says what that means
└── ServerFailed          a server did not come up; quotes its log

Every message is one sentence about what happened and one about what to do; ServerFailed adds the end of the log.
"""


class StackError(Exception):
    """A local server could not be had; the message says what to do about it."""


class UnsupportedPlatform(StackError):
    """The server binaries exist for Linux on x86_64 with glibc only."""


class DownloadFailed(StackError):
    """A package or jar is not to be had, or its hash differs from the lock file."""


class PlacementFailed(StackError):
    """The state folder belongs to somebody else or cannot be written."""


class StackBusy(StackError):
    """Another process is starting or stopping the same stack, or filling the same cache."""


class UnknownServer(StackError):
    """The stack has no server of that name."""


class NeverStarted(StackError):
    """The server has no address yet."""


class NotRunning(StackError):
    """The server is not running, so it can neither be killed nor paused."""


class NotMainThread(StackError):
    """Attached servers die with the thread that starts them, so only the main thread may."""


class ProgramFailed(StackError):
    """A program that was run to its end reported an error; the text is what it printed."""


class ServerFailed(StackError):
    """A server ended or stayed silent while it was starting, or would not end."""
