from __future__ import annotations

import logging

from millrace.damping import MOST_MESSAGES, Damper


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def record(message: object, *args: object, name: str = "aiokafka", level: int = logging.ERROR) -> logging.LogRecord:
    return logging.LogRecord(name, level, "", 0, message, args, None)


def test_the_first_few_of_a_message_pass_and_the_rest_of_the_window_does_not() -> None:
    damper = Damper(burst=3, seconds=10, clock=Clock())
    assert [damper.filter(record("no leader for %s", n)) for n in range(6)] == [True] * 3 + [False] * 3


def test_the_first_after_the_window_says_how_many_were_held_back() -> None:
    clock = Clock()
    damper = Damper(burst=1, seconds=10, clock=clock)
    for _ in range(5_401):
        damper.filter(record("no leader for %s", "t"))
    clock.now = 10.0
    late = record("no leader for %s", "t")
    assert damper.filter(late)
    assert late.getMessage() == "no leader for t (and 5400 more like it)"
    clock.now = 20.0
    later = record("no leader for %s", "t")
    assert damper.filter(later)
    assert later.getMessage() == "no leader for t"


def test_messages_loggers_and_levels_are_damped_apart() -> None:
    damper = Damper(burst=1, clock=Clock())
    assert damper.filter(record("a"))
    assert damper.filter(record("b"))
    assert damper.filter(record("a", name="asyncio"))
    assert damper.filter(record("a", level=logging.WARNING))
    assert not damper.filter(record("a"))


def test_our_own_lines_always_pass() -> None:
    damper = Damper(burst=1, clock=Clock())
    assert all(damper.filter(record({"event": "rejected"})) for _ in range(100))


def test_what_is_remembered_is_bounded() -> None:
    damper = Damper(burst=1, clock=Clock())
    for number in range(MOST_MESSAGES + 50):
        damper.filter(record(f"message {number}"))
    assert len(damper._windows) == MOST_MESSAGES
