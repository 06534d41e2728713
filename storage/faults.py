"""What an error of Postgres or Redis means for the work that met it.

Fault
├── AGAIN    a deadlock, a serialisation failure, a lock not had in time: the same statements will pass later
├── BUSY     no connection is free, of the server's or of the pool's: nothing was sent, so nothing sent is to blame
├── CUT      it took longer than a limit allows, or somebody cancelled it: nothing was stored; less may fit
├── BROKEN   the connection is gone: the commit may or may not have been applied
├── OUTAGE   the server refuses or cannot be reached: nobody's fault, wait
└── BAD      the statements themselves: something that was sent cannot be stored
"""

from __future__ import annotations

from enum import StrEnum

import asyncpg
import redis.exceptions
from sqlalchemy.exc import DBAPIError, InterfaceError, InvalidRequestError
from sqlalchemy.exc import TimeoutError as PoolTimeout


class Fault(StrEnum):
    """What an error means for the work that met it."""

    AGAIN = "again"
    BUSY = "busy"
    CUT = "cut"
    BROKEN = "broken"
    OUTAGE = "outage"
    BAD = "bad"


# SQLSTATE → fault; the longest prefix decides. Source: PostgreSQL manual, appendix A.
SQLSTATES = {
    "40": Fault.AGAIN,  # serialisation failure, deadlock
    "55P03": Fault.AGAIN,  # lock not available within lock_timeout
    "57014": Fault.CUT,  # statement_timeout, or the statement was cancelled
    "25P04": Fault.CUT,  # transaction_timeout ended the session
    "08": Fault.BROKEN,  # connection exceptions
    "25P03": Fault.BROKEN,  # idle_in_transaction_session_timeout ended the session
    "57P01": Fault.BROKEN,  # terminated by an administrator
    "57P02": Fault.BROKEN,  # the server crashed
    "57P05": Fault.BROKEN,  # idle_session_timeout ended the session
    "53300": Fault.BUSY,  # out of connections
    "53": Fault.OUTAGE,  # out of memory or disk
    "57P": Fault.OUTAGE,  # starting up, shutting down
    "25006": Fault.OUTAGE,  # a read-only server: a fail-over is under way
    "28": Fault.OUTAGE,  # the login is refused
    "3D": Fault.OUTAGE,  # the database does not exist (yet)
    "42P01": Fault.OUTAGE,  # a table does not exist (yet): migrations have not run
    "42703": Fault.OUTAGE,  # a column does not, either
    "42501": Fault.OUTAGE,  # the role may not (yet)
}

# Exception types → fault, the first that fits.
EXCEPTIONS: tuple[tuple[tuple[type[BaseException], ...], Fault], ...] = (
    ((asyncpg.DataError, asyncpg.UnsupportedClientFeatureError), Fault.BAD),  # the driver could not encode it
    ((asyncpg.InterfaceError, asyncpg.InternalClientError, InterfaceError, InvalidRequestError), Fault.BROKEN),
    ((PoolTimeout,), Fault.BUSY),
    ((redis.exceptions.RedisError,), Fault.OUTAGE),
    ((TimeoutError, OSError, EOFError), Fault.BROKEN),
)


# What an outage causes, and an event may cause as well; and what is nobody's doing, whatever a probe says.
OF_THE_CONNECTION = frozenset({Fault.BUSY, Fault.BROKEN, Fault.OUTAGE})
PASSING = frozenset({Fault.AGAIN, Fault.BUSY})


def fault_of(error: BaseException) -> Fault | None:
    """What `error`, or what caused it, means; None when no storage server has anything to do with it."""
    seen: BaseException | None = error
    while seen is not None:
        fault = _fault(seen)
        if fault is not None:
            return fault
        seen = seen.orig if isinstance(seen, DBAPIError) and seen.orig is not None else seen.__cause__
    return None


def bare(error: BaseException) -> BaseException:
    """The driver's own error, out of what SQLAlchemy has wrapped it in."""
    if not isinstance(error, DBAPIError) or error.orig is None:
        return error
    return error.orig.__cause__ or error.orig


def _fault(error: BaseException) -> Fault | None:
    if isinstance(error, asyncpg.ConnectionDoesNotExistError) and isinstance(error.__cause__, asyncpg.PostgresError):
        error = error.__cause__  # the server's last words
    if isinstance(error, asyncpg.PostgresError):
        return _of_sqlstate(error.sqlstate or "")
    return next((fault for kinds, fault in EXCEPTIONS if isinstance(error, kinds)), None)


def _of_sqlstate(sqlstate: str) -> Fault:
    for length in (5, 3, 2):
        fault = SQLSTATES.get(sqlstate[:length])
        if fault is not None:
            return fault
    return Fault.BAD
