"""What becomes of a record, and what is done with a group that could not be saved."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.failures import Conflict, Failure, Outage, Permanent, Rejection, Transient, UnknownVersion, Waiting
from events.identity import Identity
from storage.faults import Fault
from streams.backoff import Backoff
from streams.decisions import Next, RetryPolicy, after_save_failed, unstorable, verdict
from streams.item import Verdict

POLICY = RetryPolicy(max_attempts=3)
WHO = Identity("runs", "run.requested.v9", "/s", "e", 0, "acme", bytes(16), bytes(32))


@pytest.mark.parametrize(
    ("failure", "attempts", "expected"),
    [
        (None, 1, Verdict.COMPLETE),
        (None, 9, Verdict.COMPLETE),
        (Permanent("internal", "bad"), 1, Verdict.FAIL),
        (Rejection("garbage", "bad"), 1, Verdict.REJECT),
        (Conflict("input_conflict", "taken"), 1, Verdict.REJECT),
        (Transient("internal", "later"), 1, Verdict.RETRY),
        (Transient("internal", "later"), 2, Verdict.RETRY),
        (Transient("internal", "later"), 3, Verdict.FAIL),
        (Outage("object_store_unreachable", "later"), 2, Verdict.RETRY),
        (Outage("object_store_unreachable", "later"), 3, Verdict.FAIL),
        (UnknownVersion("unknown_version", "v9", WHO), 2, Verdict.RETRY),
        (UnknownVersion("unknown_version", "v9", WHO), 3, Verdict.REJECT),
    ],
)
def test_a_record_ends_as_its_failure_and_its_attempts_say(failure: Failure | None, attempts: int, expected: Verdict) -> None:
    assert verdict(failure, attempts, POLICY) is expected


def test_what_waits_spends_no_attempt_and_fails_when_it_has_waited_long_enough() -> None:
    waiting = Waiting("evidence_missing", "not there yet", at_most=60.0)
    assert verdict(waiting, 99, POLICY, waited=59.9) is Verdict.RETRY
    assert verdict(waiting, 1, POLICY, waited=60.0) is Verdict.FAIL


def test_what_waits_is_looked_at_less_and_less_often() -> None:
    waiting = Waiting("evidence_missing", "not there yet", at_most=900.0)
    looks = [POLICY.delay(waiting, 1, waited).total_seconds() for waited in (0.0, 8.0, 40.0, 800.0)]
    assert looks == [0.5, 2.0, 10.0, 30.0]


def test_a_failure_that_names_its_earliest_next_attempt_is_not_tried_before() -> None:
    assert POLICY.delay(Transient("rate_limited", "busy", after=40.0), 1, 0.0).total_seconds() == 40.0
    assert POLICY.delay(Transient("rate_limited", "busy", after=0.1), 1, 0.0).total_seconds() >= 0.5


@pytest.mark.parametrize(
    ("fault", "times", "size", "expected"),
    [
        (Fault.AGAIN, 1, 100, Next.AGAIN),
        (Fault.AGAIN, 10_000, 100, Next.AGAIN),
        (Fault.AGAIN, 10_000, 1, Next.AGAIN),
        (Fault.BUSY, 10_000, 100, Next.AGAIN),
        (Fault.BUSY, 10_000, 1, Next.AGAIN),
        (Fault.CUT, 2, 100, Next.AGAIN),
        (Fault.CUT, 3, 100, Next.SPLIT),
        (Fault.CUT, 19, 1, Next.AGAIN),
        (Fault.CUT, 20, 1, Next.GIVE_UP),
        (Fault.OUTAGE, 9, 100, Next.AGAIN),
        (Fault.OUTAGE, 10, 100, Next.SPLIT),
        (Fault.OUTAGE, 10_000, 1, Next.AGAIN),
        (Fault.BROKEN, 2, 100, Next.AGAIN),
        (Fault.BROKEN, 3, 100, Next.SPLIT),
        (Fault.BROKEN, 9, 1, Next.AGAIN),
        (Fault.BROKEN, 10, 1, Next.GIVE_UP),
        (Fault.BAD, 1, 2, Next.SPLIT),
        (Fault.BAD, 1, 1, Next.GIVE_UP),
        (None, 1, 7, Next.SPLIT),
        (None, 1, 1, Next.GIVE_UP),
    ],
)
def test_a_group_is_saved_again_split_or_given_up(fault: Fault | None, times: int, size: int, expected: Next) -> None:
    assert after_save_failed(fault, times, size) is expected


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_waits_grow_to_the_cap_and_never_vanish(attempt: int, draw: float) -> None:
    backoff = Backoff(base=0.5, cap=30.0)
    delay = backoff.delay(attempt, lambda: draw)
    assert 0.25 <= delay <= 30.0
    assert delay <= 0.5 * 2 ** min(attempt - 1, 60)
    assert backoff.delay(attempt + 1, lambda: draw) >= delay


@pytest.mark.parametrize(
    ("failure", "rejects"),
    [
        (None, False),
        (Transient("internal", "later"), False),
        (Outage("object_store_unreachable", "later"), False),
        (Permanent("internal", "bad"), True),
        (Rejection("garbage", "bad"), True),
        (Conflict("input_conflict", "taken"), True),
        (UnknownVersion("unknown_version", "v9", WHO), True),
    ],
)
def test_what_cannot_be_stored_fails_as_an_event_and_then_is_a_dead_letter_alone(
    failure: Failure | None, rejects: bool
) -> None:
    given_up = unstorable(failure, ValueError("no"))

    assert given_up.rejects is rejects
    assert verdict(given_up, 1, POLICY) is (Verdict.REJECT if rejects else Verdict.FAIL)
