from __future__ import annotations

import pytest

from handlers.llm.breaker import Breaker
from handlers.llm.errors import CallError, Trouble

AWAY = CallError(Trouble.CONNECTION, "away")


@pytest.fixture
def breaker() -> Breaker:
    return Breaker(failures=3, seconds=5.0)


@pytest.fixture
def open_breaker(breaker: Breaker) -> Breaker:
    """Opened at 100 s."""
    assert [breaker.failed(AWAY, 100.0) for _ in range(3)] == [False, False, True]
    return breaker


def test_it_opens_after_failures_in_a_row_and_says_so_once(open_breaker: Breaker) -> None:
    assert open_breaker.error is AWAY
    assert not open_breaker.failed(AWAY, 101.0)


def test_a_success_in_between_starts_the_count_anew(breaker: Breaker) -> None:
    for _ in range(5):
        breaker.failed(AWAY, 0.0)
        breaker.failed(AWAY, 0.0)
        breaker.succeeded()
    assert breaker.error is None


@pytest.mark.parametrize("trouble", ["quota", "key"])
def test_what_every_call_would_hear_opens_it_at_once(breaker: Breaker, trouble: str) -> None:
    assert breaker.failed(CallError(Trouble(trouble), ""), 0.0)


@pytest.mark.parametrize("trouble", ["rate_limit", "request", "malformed"])
def test_a_server_that_answers_is_there(breaker: Breaker, trouble: str) -> None:
    for _ in range(2):
        breaker.failed(AWAY, 0.0)
        breaker.failed(AWAY, 0.0)
        assert not breaker.failed(CallError(Trouble(trouble), ""), 0.0)
    assert breaker.error is None


def test_nobody_looks_before_its_time_and_then_one_alone(open_breaker: Breaker) -> None:
    assert not open_breaker.may_look(104.9)
    assert [open_breaker.may_look(105.0) for _ in range(3)] == [True, False, False]


def test_a_look_that_finds_nobody_puts_the_next_one_off(open_breaker: Breaker) -> None:
    assert open_breaker.may_look(105.0)
    open_breaker.failed(AWAY, 106.0)
    assert [open_breaker.may_look(110.9), open_breaker.may_look(111.0)] == [False, True]


def test_a_look_that_was_broken_off_is_another_ones(open_breaker: Breaker) -> None:
    assert open_breaker.may_look(105.0)
    open_breaker.looked_away()
    assert open_breaker.may_look(105.0)


def test_a_look_that_finds_the_server_closes_it(open_breaker: Breaker) -> None:
    assert open_breaker.may_look(105.0)
    open_breaker.succeeded()
    assert open_breaker.error is None
    assert not open_breaker.failed(AWAY, 106.0)
