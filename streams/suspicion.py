"""When records are taken one at a time, and what becomes of one at which workers die: pure decisions."""

from __future__ import annotations

from enum import Enum, auto

from events.failures import Permanent, Reason, Rejection
from storage.starts import Start

# A fourth start at the same offset: three workers have died, or stood still, without any progress.
STARTS_BEFORE_CARE = 3
DEATHS_BEFORE_THE_END = 3
NOTHING = -1


class Ending(Enum):
    """What to do with a record that is alone in hand."""

    WORK = auto()
    FAIL = auto()
    REJECT = auto()


def careful_until(start: Start) -> int:
    """The last offset whose records are taken one at a time; -1: none.

    That is what earlier workers took in, once three of them got nowhere, and whatever one had alone in hand when it died.
    """
    reach = start.reach if start.starts > STARTS_BEFORE_CARE else None
    suspect = start.in_hand if start.deaths else None
    return max((offset for offset in (reach, suspect) if offset is not None), default=NOTHING)


def ending(deaths: int, *, decoded: bool) -> Ending:
    """What to do with a record that was alone in hand at so many deaths; `decoded`: it can be decoded, at least.

    One that was to be failed and still ended the worker, by its decoding or by what a flow stores of a failure, is not even
    read any more.
    """
    if deaths < DEATHS_BEFORE_THE_END:
        return Ending.WORK
    return Ending.FAIL if decoded and deaths == DEATHS_BEFORE_THE_END else Ending.REJECT


def failed(deaths: int) -> Permanent:
    """The failure of an event whose work kills."""
    return Permanent(Reason.KILLS_WORKER, f"{deaths} workers died while they had this event, and nothing else, in hand")


def rejected(deaths: int) -> Rejection:
    """The failure of a record that kills before it is an event."""
    return Rejection(Reason.KILLS_WORKER, f"{deaths} workers died while they had this record, and nothing else, in hand")
