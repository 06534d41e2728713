"""When to stop asking a server that is away, and who may look whether it is back."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Generic, TypeVar

E = TypeVar("E")


class State(StrEnum):
    """Closed: it is there. Open: it is away. Half-open: it is away, and somebody looks whether it is back."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


class Breaker(Generic[E]):
    """Open after `failures` in a row that found no server, until one is found; between two looks it rests.

    `rest` gives the seconds until the next look after the n-th failure in a row (from 1). Pure: the caller says what time
    it is, in seconds of any clock that does not go back.
    """

    def __init__(self, failures: int, rest: Callable[[int], float]) -> None:
        self.failures, self.rest = failures, rest
        self.error: E | None = None
        self.since: float | None = None
        self.due = float("-inf")
        self.in_a_row = 0
        self._looking = False

    @property
    def state(self) -> State:
        if self.error is None:
            return State.CLOSED
        return State.HALF_OPEN if self._looking else State.OPEN

    def may_look(self, now: float) -> bool:
        """Whether this caller is the one to look; it then says `failed`, `succeeded` or `looked_away`."""
        if self._looking or now < self.due:
            return False
        self._looking = True
        return True

    def looked_away(self) -> None:
        """Whoever was to look did not see anything."""
        self._looking = False

    def failed(self, error: E, now: float, *, at_once: bool = False) -> bool:
        """Counts a failure, which opens it `at_once` if nothing more need be known; whether it has opened just now."""
        was_open, self._looking = self.error is not None, False
        self.in_a_row += 1
        if not (was_open or at_once or self.in_a_row >= self.failures):
            return False
        self.error, self.due = error, now + self.rest(self.in_a_row)
        if not was_open:
            self.since = now
        return not was_open

    def succeeded(self) -> bool:
        """The server is there; whether that has closed the breaker."""
        was_open = self.error is not None
        self.error = self.since = None
        self.due, self.in_a_row, self._looking = float("-inf"), 0, False
        return was_open
