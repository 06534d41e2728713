"""When a lane has failed so often that it is to stop: a policy, what it has counted, and the decision; pure.

What counts are outcomes, each where it is known first. Records in the order in which they are read: an event is good, a
record that is rejected is bad. Events in the order in which they end: a completed one is good; one that ends failed and an
exhausted retry are bad. Counted together, rejections would seem to come in a row whenever events wait for a slow server.
Duplicates, attempts that will be repeated, events that wait and conflicts (somebody published one key twice) say nothing
of the lane.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import NamedTuple

from events.failures import Conflict, Failure, Reason, Rejection
from streams.item import Item, Verdict

CODES_TOLD = 10
# Rejections of what was, or was not even, read: an event whose failure cannot be stored, a record that kills.
REJECTED_LATER = frozenset({Reason.INTERNAL, Reason.KILLS_WORKER})


@dataclass(frozen=True, slots=True)
class FailurePolicy:
    """How many failures are too many.

    A lane stops after `run` bad outcomes in a row, or once `ratio` of the last `window` outcomes are bad. Of either number
    one client fills at most the part `share`, so that one client's garbage does not stop the others' work; but after
    `alone` bad outcomes in a row, nobody succeeding meanwhile, it stops whoever they are from.
    """

    run: int = 50
    alone: int = 500
    ratio: float = 0.5
    window: int = 200
    share: float = 0.5


class Outcome(NamedTuple):
    """`number` good outcomes (`code` is None), or one bad one; `client` is None where the record could not be read so far."""

    number: int
    client: str | None = None
    code: str | None = None


class Reached(NamedTuple):
    """A limit that was reached: why, with how many `failed` of `finished` outcomes, and the last failures' codes."""

    reason: str
    failed: int
    finished: int
    codes: tuple[str, ...]


def readings(items: Sequence[Item], rejected: Collection[Item]) -> list[Outcome]:
    """What counts of records that have just been read, in their order; `rejected` are those among them that are no events."""
    if not rejected:
        return [Outcome(len(items))]
    found, good = list[Outcome](), 0
    for item in items:
        if not isinstance(item.failure, Rejection):
            good += 1
            continue
        if good:
            found.append(Outcome(good))
        found.append(_bad(item))
        good = 0
    return [*found, Outcome(good)] if good else found


def endings(became: Mapping[Verdict, Sequence[Item]]) -> list[Outcome]:
    """What counts of a saved group. In which order its events came is not known, so good and bad are mixed evenly."""
    good = len(became[Verdict.COMPLETE])
    ended = [*became[Verdict.FAIL], *became[Verdict.REJECT]]
    bad = [_bad(item) for item in ended if _counts_at_its_end(item.failure)]
    pieces, found = min(good, len(bad)), list[Outcome]()
    for piece in range(pieces):
        found.append(Outcome(_cut(good, piece + 1, pieces) - _cut(good, piece, pieces)))
        found += bad[_cut(len(bad), piece, pieces) : _cut(len(bad), piece + 1, pieces)]
    return found or bad or ([Outcome(good)] if good else [])


def _counts_at_its_end(failure: Failure | None) -> bool:
    if isinstance(failure, Rejection):
        return failure.code in REJECTED_LATER
    return not isinstance(failure, Conflict)


def _bad(item: Item) -> Outcome:
    who, failure = item.identity, item.failure
    return Outcome(1, None if who is None else who.client_id, "unknown" if failure is None else failure.code)


def _cut(whole: int, piece: int, pieces: int) -> int:
    return whole * piece // pieces


class FailureCounts:
    """What one lane has finished lately, in one worker. A group without failures costs one step, whatever its size."""

    def __init__(self, policy: FailurePolicy) -> None:
        self.policy = policy
        self.reset()

    def reset(self) -> None:
        """Forgets everything: old counts must not stop a lane that has just been resumed."""
        policy = self.policy
        self._row = _Capped(ceil(policy.run * policy.share))
        self._last = _Capped(ceil(policy.ratio * policy.window * policy.share))
        self._window: deque[Outcome] = deque()
        self._finished = 0
        self._codes: deque[str] = deque(maxlen=CODES_TOLD)

    def add(self, found: Sequence[Outcome]) -> Reached | None:
        """Counts outcomes in their order; the first limit that one of them reaches."""
        for outcome in found:
            self._enter(outcome)
            if outcome.code is None:
                self._row.clear()
                continue
            self._row.add(outcome.client)
            self._codes.append(outcome.code)
            if (reached := self._reached()) is not None:
                return reached
        return None

    def _enter(self, outcome: Outcome) -> None:
        self._window.append(outcome)
        self._finished += outcome.number
        if outcome.code is not None:
            self._last.add(outcome.client)
        while self._finished > self.policy.window:
            first = self._window.popleft()
            left = self._finished - first.number - self.policy.window
            if first.code is not None:
                self._last.remove(first.client)
            if left < 0:
                self._window.appendleft(first._replace(number=-left))
            self._finished = max(self._finished - first.number, self.policy.window)

    def _reached(self) -> Reached | None:
        policy, row, last = self.policy, self._row, self._last
        codes = tuple(self._codes)
        if row.total >= policy.alone or row.counted >= policy.run:
            return Reached(f"{row.total} outcomes in a row failed", row.total, row.total, codes)
        if self._finished == policy.window and last.counted >= policy.ratio * policy.window:
            return Reached(f"{last.total} of the last {policy.window} outcomes failed", last.total, policy.window, codes)
        return None


class _Capped:
    """Failures by client; `counted` takes at most `cap` of one client, `total` all."""

    def __init__(self, cap: int) -> None:
        self.cap = cap
        self.clear()

    def clear(self) -> None:
        self._of: Counter[str | None] = Counter()
        self.counted = self.total = 0

    def add(self, client: str | None) -> None:
        self._of[client] += 1
        self.total += 1
        self.counted += self._of[client] <= self.cap

    def remove(self, client: str | None) -> None:
        self.counted -= self._of[client] <= self.cap
        self.total -= 1
        self._of[client] -= 1
        if not self._of[client]:
            del self._of[client]
