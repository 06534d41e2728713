"""Two clocks are compared by the answer that took least."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from storage.condition import CLOCK_LOOKS, clock_ahead


class Answering:
    """A database whose clock is `ahead`, and that takes these seconds to read it, and these to send what it read."""

    def __init__(self, ahead: float, times: Iterator[tuple[float, float]]) -> None:
        self.ahead, self.times, self.now = ahead, times, 1_700_000_000.0

    async def fetchval(self, _query: str) -> float:
        coming, going = next(self.times)
        self.now += coming
        theirs = self.now + self.ahead
        self.now += going
        return theirs


@pytest.mark.parametrize("ahead", [0.0, 3.0, -3600.0])
@pytest.mark.parametrize("quick", range(CLOCK_LOOKS))
@pytest.mark.parametrize("slow", [(5.0, 0.0), (0.0, 5.0)])
async def test_a_machine_that_stands_still_for_seconds_is_no_clock_that_is_wrong(
    ahead: float, quick: int, slow: tuple[float, float]
) -> None:
    times = [slow] * CLOCK_LOOKS
    times[quick] = (0.001, 0.003)
    database: Any = Answering(ahead, iter(times))
    assert await clock_ahead(database, lambda: database.now) == pytest.approx(ahead, abs=0.002)
