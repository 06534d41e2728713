"""What to do next, decided by pure functions; the loops only carry it out."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum, auto

from events.failures import Conflict, Failure, Kind, Permanent, Reason, Rejection, Transient, Waiting
from events.identity import Identity
from storage.faults import Fault
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


BREAKS_BEFORE_SPLIT = 3
REFUSALS_BEFORE_SPLIT = 10


def after_save_failed(fault: Fault | None, breaks: int, refusals: int, size: int) -> Next:
    """What to do with a group of `size` outcomes whose transaction met `fault` although a probe succeeds.

    `breaks` counts how often this group has broken its connection, `refusals` how often the server refused it for want of
    something (memory, disk, a right): a smaller group may need less, a single outcome is not to blame. A fault of None is
    an error that no server has to do with: the outcomes themselves.
    """
    if fault is Fault.OUTAGE:
        return Next.SPLIT if size > 1 and refusals >= REFUSALS_BEFORE_SPLIT else Next.AGAIN
    if fault is Fault.AGAIN or (fault is Fault.BROKEN and breaks < BREAKS_BEFORE_SPLIT):
        return Next.AGAIN
    return Next.SPLIT if size > 1 else Next.GIVE_UP


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
