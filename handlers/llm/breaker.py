"""When to stop asking a server that is away, and who may look whether it is back."""

from __future__ import annotations

from handlers.llm.errors import OUTAGES, CallError, Trouble

# These say what the next call would hear, too.
AT_ONCE = frozenset({Trouble.QUOTA, Trouble.KEY, Trouble.FORBIDDEN, Trouble.MODEL})


class Breaker:
    """Open after `failures` calls in a row that found no server; `seconds` later one caller may look, then again.

    Pure: the caller says what time it is, in seconds of any clock that does not go back.
    """

    def __init__(self, failures: int, seconds: float) -> None:
        self.failures, self.seconds = failures, seconds
        self.error: CallError | None = None
        self._in_a_row = 0
        self._look_at = 0.0
        self._looking = False

    def may_look(self, now: float) -> bool:
        """Whether this caller of an open breaker is the one to look; it then says `failed`, `succeeded` or `looked_away`."""
        if self._looking or now < self._look_at:
            return False
        self._looking = True
        return True

    def looked_away(self) -> None:
        """Whoever was to look did not see anything."""
        self._looking = False

    def failed(self, error: CallError, now: float) -> bool:
        """Counts a call that failed; whether that has opened the breaker."""
        was_open, self._looking = self.error is not None, False
        if error.trouble not in OUTAGES:
            self.succeeded()
            return False
        self._in_a_row += 1
        if was_open or self._in_a_row >= self.failures or error.trouble in AT_ONCE:
            self.error, self._look_at = error, now + self.seconds
        return self.error is not None and not was_open

    def succeeded(self) -> None:
        """The server is there."""
        self.error, self._in_a_row, self._looking = None, 0, False
