from __future__ import annotations

from handlers.audit.holds import Holds


def test_while_one_event_works_on_an_audit_no_other_begins() -> None:
    holds = Holds(30.0)
    assert holds.take("a", b"1", 0.0)
    assert not holds.take("a", b"2", 1e9)
    assert holds.take("b", b"2", 1e9)
    assert holds.take("a", b"1", 1e9)


def test_an_outcome_has_time_to_be_stored_before_another_begins() -> None:
    holds = Holds(30.0)
    holds.take("a", b"1", 0.0)
    holds.done("a", b"1", 10.0)
    assert not holds.take("a", b"2", 39.0)
    assert holds.take("a", b"1", 39.0)
    holds.done("a", b"1", 40.0)
    assert holds.take("a", b"2", 71.0)


def test_work_that_came_to_nothing_holds_nobody_up() -> None:
    holds = Holds(30.0)
    holds.take("a", b"1", 0.0)
    holds.dropped("a")
    assert holds.take("a", b"2", 0.0)


def test_what_is_over_is_forgotten() -> None:
    holds = Holds(30.0)
    for number in range(100):
        holds.take(str(number), b"1", 0.0)
        holds.done(str(number), b"1", 0.0)
    holds.take("a", b"2", 31.0)
    assert list(holds._held) == ["a"]
