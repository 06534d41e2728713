"""When a server is not asked, and who looks for it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.breaker import Breaker, State

AWAY = "away"
REST = 5.0


@pytest.fixture
def breaker() -> Breaker[str]:
    return Breaker(failures=3, rest=lambda _failures: REST)


@pytest.fixture
def open_breaker(breaker: Breaker[str]) -> Breaker[str]:
    """Opened at 100 s."""
    assert [breaker.failed(AWAY, 100.0) for _ in range(3)] == [False, False, True]
    return breaker


def test_it_opens_after_failures_in_a_row_and_says_so_once(open_breaker: Breaker[str]) -> None:
    assert open_breaker.error is AWAY
    assert not open_breaker.failed(AWAY, 101.0)


def test_a_success_in_between_starts_the_count_anew(breaker: Breaker[str]) -> None:
    for _ in range(5):
        breaker.failed(AWAY, 0.0)
        breaker.failed(AWAY, 0.0)
        breaker.succeeded()
    assert breaker.error is None


def test_what_leaves_no_doubt_opens_it_at_once(breaker: Breaker[str]) -> None:
    assert breaker.failed(AWAY, 0.0, at_once=True)


def test_nobody_looks_before_its_time_and_then_one_alone(open_breaker: Breaker[str]) -> None:
    assert not open_breaker.may_look(104.9)
    assert [open_breaker.may_look(105.0) for _ in range(3)] == [True, False, False]


def test_a_look_that_finds_nobody_puts_the_next_one_off(open_breaker: Breaker[str]) -> None:
    assert open_breaker.may_look(105.0)
    open_breaker.failed(AWAY, 106.0)
    assert [open_breaker.may_look(110.9), open_breaker.may_look(111.0)] == [False, True]


def test_a_look_that_was_broken_off_is_another_ones(open_breaker: Breaker[str]) -> None:
    assert open_breaker.may_look(105.0)
    open_breaker.looked_away()
    assert open_breaker.may_look(105.0)


def test_a_look_that_finds_the_server_closes_it(open_breaker: Breaker[str]) -> None:
    assert open_breaker.may_look(105.0)
    open_breaker.succeeded()
    assert open_breaker.error is None
    assert not open_breaker.failed(AWAY, 106.0)


def test_it_knows_since_when_it_is_open(open_breaker: Breaker[str]) -> None:
    assert open_breaker.may_look(105.0)
    open_breaker.failed("still away", 106.0)
    assert (open_breaker.since, open_breaker.error) == (100.0, "still away")
    assert open_breaker.succeeded()
    assert open_breaker.since is None
    assert not open_breaker.succeeded()


def test_it_is_half_open_while_somebody_looks(breaker: Breaker[str]) -> None:
    assert breaker.state is State.CLOSED
    breaker.failed(AWAY, 0.0, at_once=True)
    assert breaker.state is State.OPEN
    assert breaker.may_look(REST)
    assert breaker.state is State.HALF_OPEN


def test_its_rests_grow_with_the_failures_in_a_row() -> None:
    breaker = Breaker[str](failures=1, rest=lambda failures: 2.0**failures)
    dues = []
    for _ in range(3):
        breaker.failed(AWAY, 0.0)
        dues.append(breaker.due)
    breaker.succeeded()
    breaker.failed(AWAY, 0.0)
    assert [*dues, breaker.due] == [2.0, 4.0, 8.0, 2.0]


STEPS: dict[str, Callable[[Breaker[str], float], object]] = {
    "look": lambda breaker, now: breaker.may_look(now),
    "fail": lambda breaker, now: breaker.failed(AWAY, now),
    "succeed": lambda breaker, _now: breaker.succeeded(),
    "look away": lambda breaker, _now: breaker.looked_away(),
}


@given(st.lists(st.tuples(st.sampled_from(sorted(STEPS)), st.floats(0, 20))))
def test_whatever_happens_one_looks_at_a_time_and_once_it_rests_long_enough_somebody_may(
    steps: list[tuple[str, float]],
) -> None:
    breaker, now, looking = Breaker[str](3, lambda _failures: REST), 0.0, False
    for step, passed in steps:
        now += passed
        said = STEPS[step](breaker, now)
        if step == "look":
            assert not (said and looking)
            looking = looking or bool(said)
        else:
            looking = False
        assert (breaker.error is None) == (breaker.since is None)
    breaker.looked_away()
    assert breaker.may_look(now + REST)
