"""What to do next, decided by pure functions; the loops only carry it out."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum, auto

from events.failures import Conflict, Failure, Kind, Permanent, Reason, Rejection, Transient, Waiting
from events.identity import Identity
from storage.faults import PASSING, Fault
from streams.backoff import Backoff
from streams.item import Verdict


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often an event is tried, and how long it waits between.

    One that waits for what others bring is looked at again after a quarter of the time it has waited, between
    `shortest_look` and `longest_look` seconds.
    """

    max_attempts: int = 8
    backoff: Backoff = field(default_factory=lambda: Backoff(base=1.0, cap=300.0))
    shortest_look: float = 0.5
    longest_look: float = 30.0

    def delay(self, failure: Failure, attempts: int, waited: float) -> timedelta:
        """How long an event waits after its `attempts`-th attempt ended with `failure`, after having waited so many seconds."""
        if failure.kind is Kind.WAITING:
            return timedelta(seconds=min(self.longest_look, max(self.shortest_look, waited / 4)))
        seconds = self.backoff.delay(attempts)
        return timedelta(seconds=max(seconds, failure.after) if isinstance(failure, Transient) else seconds)


def verdict(failure: Failure | None, attempts: int, policy: RetryPolicy, waited: float = 0.0) -> Verdict:
    """What becomes of a record that ended with `failure` (None: with a result) at its `attempts`-th attempt.

    `waited`: seconds for what others bring, by the database's clock.
    """
    if failure is None:
        return Verdict.COMPLETE
    if isinstance(failure, Waiting):
        return Verdict.RETRY if waited < failure.at_most else Verdict.FAIL
    # An outage that no probe has seen is one of this event alone.
    if failure.kind in {Kind.TRANSIENT, Kind.OUTAGE} and attempts < policy.max_attempts:
        return Verdict.RETRY
    return Verdict.REJECT if failure.rejects else Verdict.FAIL


def unexpected(error: BaseException) -> Transient:
    """The failure of an event whose handler raised something that is no Failure: perhaps it passes."""
    return Transient(Reason.INTERNAL, f"{type(error).__name__}: {error}")


def timed_out(step: str, seconds: float) -> Transient:
    """The failure of an event whose step took too long."""
    return Transient(Reason.INTERNAL, f"{step} took longer than {seconds:g} s")


def other_payload(who: Identity) -> Conflict:
    """The failure of an event whose key stands for another payload already."""
    return Conflict(Reason.PAYLOAD_CONFLICT, f"id {who.id} of {who.source} was accepted before with another payload")


class Next(Enum):
    """What to do with a group whose transaction failed while its servers answer."""

    AGAIN = auto()
    SPLIT = auto()
    GIVE_UP = auto()


# How often a fault is met before a smaller group is tried: it may need less memory, less time, or hold what breaks it.
BEFORE_SPLIT: dict[Fault | None, int] = {Fault.CUT: 3, Fault.BROKEN: 3, Fault.OUTAGE: 10}
# How often, before a single outcome is taken for what causes it: long enough that others have ended what they did to it.
BEFORE_GIVING_UP: dict[Fault | None, int] = {Fault.CUT: 20, Fault.BROKEN: 10}


def after_save_failed(fault: Fault | None, times: int, size: int) -> Next:
    """What to do with a group of `size` outcomes whose transaction met `fault` for the `times`-th time, with its servers there.

    What passes is waited for: no event is to blame for a lock that others hold or a connection that is not free, however
    long that takes. Nor is a single one for what the server is in want of (memory, disk, a right). A fault of None is an
    error that no server has to do with: the outcomes themselves.
    """
    if fault in PASSING:
        return Next.AGAIN
    if size > 1:
        return Next.SPLIT if times >= BEFORE_SPLIT.get(fault, 1) else Next.AGAIN
    if fault is Fault.OUTAGE:
        return Next.AGAIN
    return Next.GIVE_UP if times >= BEFORE_GIVING_UP.get(fault, 1) else Next.AGAIN


def unstorable(failure: Failure | None, error: BaseException) -> Permanent:
    """The failure of an event whose outcome, alone in a transaction, cannot be stored.

    One that had a result, or would have been tried again, fails as an event; if that cannot be stored either, or there is
    no event, a dead letter alone is left.
    """
    if failure is None:
        return Permanent(Reason.INTERNAL, f"its results cannot be stored: {type(error).__name__}: {error}")
    message = f"{failure}; and that cannot be stored: {type(error).__name__}: {error}"
    if failure.rejects or failure.kind is Kind.PERMANENT:
        return Rejection(Reason.INTERNAL, message)
    return Permanent(Reason.INTERNAL, message)
