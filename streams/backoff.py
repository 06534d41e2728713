"""How long to wait before trying again: exponential, capped, with full jitter."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """Waits of `base`, twice that, four times that, … seconds, at most `cap`, each drawn between half of it and all."""

    base: float
    cap: float

    def delay(self, attempt: int, draw: Callable[[], float] = random.random) -> float:
        """Seconds to wait after the `attempt`-th try (from 1) has failed."""
        full = min(self.cap, self.base * 2.0 ** min(attempt - 1, 62))
        return full * (0.5 + 0.5 * draw())
