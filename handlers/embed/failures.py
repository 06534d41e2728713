"""What can go wrong with a document while it is read.

MillraceError
├── Failure
│   ├── Permanent
│   │   └── Unreadable    the document's fault: it will fail again
│   └── Transient
│       └── Unfinished    perhaps not its fault: another attempt may succeed
└── ParserDied            of the process that read it; never leaves the pool
"""

from __future__ import annotations

from events.document import DocumentFailureCode
from events.failures import Failure, MillraceError, Permanent, Transient


class Unreadable(Permanent):
    """The document cannot be read; `code` is a DocumentFailureCode."""

    def __init__(self, code: DocumentFailureCode, message: str) -> None:
        super().__init__(code, message)


class Unfinished(Transient):
    """Reading ended for a reason that may not be the document's own; `code` is the one it fails with at last."""

    def __init__(self, code: DocumentFailureCode, message: str) -> None:
        super().__init__(code, message)


class ParserDied(MillraceError):
    """The process ended before it answered; `failure` is what that means for the document, should it happen again."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure)
        self.failure = failure


def bare(failure: Failure) -> Failure:
    """The failure without what it came through: those frames hold files, texts and vectors until it is stored."""
    failure.__cause__ = failure.__context__ = None
    return failure.with_traceback(None)
