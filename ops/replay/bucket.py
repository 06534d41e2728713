"""A bound on how fast records go out."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class TokenBucket:
    """`rate` tokens a second, of which at most `burst` are saved up. Full at first.

    More may be taken than there are: then it takes as long until the next may be, so that no batch is too large for it.
    """

    rate: float
    burst: float
    level: float = 0.0
    at: float | None = None

    def wait(self, now: float) -> float:
        """Seconds until the next batch may go; 0 when it may now."""
        self._fill(now)
        return max(0.0, -self.level / self.rate)

    def take(self, tokens: float, now: float) -> None:
        """A batch of so many goes now."""
        self._fill(now)
        self.level -= tokens

    def _fill(self, now: float) -> None:
        # A clock that goes backwards adds nothing.
        passed = 0.0 if self.at is None else max(0.0, now - self.at)
        self.level = self.burst if self.at is None else min(self.burst, self.level + passed * self.rate)
        self.at = now
