"""Two events that ask for the same audit are not both paid for: one is worked on, the other waits until that is stored."""

from __future__ import annotations

from math import inf


class Holds:
    """Which event is working on which audit, in this worker.

    A hold outlasts the work by `seconds`, in which its outcome is stored; should it get lost instead, another event may
    begin. Holds save money only: what takes effect is decided when it is stored. Pure: the caller says what time it is.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._held: dict[str, tuple[bytes, float]] = {}

    def take(self, audit_id: str, event_key: bytes, now: float) -> bool:
        """Whether this event may begin; it does then, and ends with `done` or `dropped`."""
        self._held = {each: hold for each, hold in self._held.items() if hold[1] > now}
        if self._held.get(audit_id, (event_key, inf))[0] != event_key:
            return False
        self._held[audit_id] = event_key, inf
        return True

    def done(self, audit_id: str, event_key: bytes, now: float) -> None:
        """The work has an outcome, which will be stored."""
        self._held[audit_id] = event_key, now + self.seconds

    def dropped(self, audit_id: str) -> None:
        """The work came to nothing."""
        self._held.pop(audit_id, None)
