"""The stages of a lane, each timed, and traced where somebody asked for traces."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from streams import metrics

# Given the flow and the stage, what surrounds it.
Trace = Callable[[str, str], AbstractContextManager[object]]


def no_trace(_flow: str, _stage: str) -> AbstractContextManager[object]:
    """Traces nothing."""
    return nullcontext()


class Stages:
    """Times the stages of one flow: what is surrounded is a batch or a group, never a record.

    `moved` is when one last ended well, by the monotonic clock.
    """

    def __init__(self, flow: str, trace: Trace = no_trace) -> None:
        self.flow, self.trace, self.moved = flow, trace, time.monotonic()

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        with metrics.STAGE_SECONDS.labels(self.flow, stage).time(), self.trace(self.flow, stage):
            yield
            self.moved = time.monotonic()
