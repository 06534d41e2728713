"""Keeps a library that repeats itself from flooding the log.

A Kafka client that has lost its broker can write thousands of identical lines a second. Of each message the first few
in a window pass; the first after the window says how many were held back.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

MOST_MESSAGES = 1_000


@dataclass(slots=True)
class Window:
    """What has been seen of one message since `began`."""

    began: float
    passed: int = 0
    held: int = 0


class Damper(logging.Filter):
    """Lets `burst` records of one message pass in `seconds`; a message is a logger, a level and an unformatted text.

    Lines of structlog are left alone: each tells of an event of its own.
    """

    def __init__(self, burst: int = 5, seconds: float = 10.0, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._burst = burst
        self._seconds = seconds
        self._clock = clock
        self._windows: dict[tuple[str, int, str], Window] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether this record passes; the first of a new window gains `(and N more like it)`."""
        if not isinstance(record.msg, str):
            return True
        window = self._window((record.name, record.levelno, record.msg), self._clock())
        if window.passed >= self._burst:
            window.held += 1
            return False
        if window.held:
            record.msg, record.args = f"{record.getMessage()} (and {window.held} more like it)", None
            window.held = 0
        window.passed += 1
        return True

    def _window(self, key: tuple[str, int, str], now: float) -> Window:
        window = self._windows.get(key)
        if window is None:
            if len(self._windows) >= MOST_MESSAGES:
                self._windows.pop(next(iter(self._windows)))
            window = self._windows[key] = Window(began=now)
        elif now - window.began >= self._seconds:
            window.began, window.passed = now, 0
        return window
