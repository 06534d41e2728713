"""When a lane has failed too often."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

from hypothesis import given
from hypothesis import strategies as st

from events.failures import Conflict, Permanent, Rejection, UnknownVersion
from streams.failure_limit import WHO, FailureLimit
from streams.gate import Gate
from streams.item import Item, Verdict
from streams.limits import FailureCounts, FailurePolicy, Outcome, Reached, endings, readings

POLICY = FailurePolicy(run=6, alone=20, ratio=0.5, window=12, share=0.5)


def good(count: int = 1) -> Outcome:
    return Outcome(count)


def bad(client: str | None, code: str = "internal") -> Outcome:
    return Outcome(1, client, code)


def item(failure: Any = None, client: str | None = "acme") -> Item:
    made = Item("topic", 0, 0, None, b"{}", [], None)
    made.failure = failure
    made.identity = None if client is None else SimpleNamespace(client_id=client)  # type: ignore[assignment]
    return made


def test_failures_of_several_clients_in_a_row_reach_the_limit() -> None:
    counts = FailureCounts(POLICY)
    assert counts.add([bad("a", "x"), bad("a"), bad("a"), bad("b"), bad("b")]) is None
    assert counts.add([bad("b", "y")]) == Reached(
        "6 outcomes in a row failed", 6, 6, ("x", "internal", "internal", "internal", "internal", "y")
    )


def test_one_success_of_anybody_begins_the_row_anew() -> None:
    counts = FailureCounts(FailurePolicy(run=6, alone=20, window=1000))
    for _ in range(10):
        assert counts.add([bad("a"), bad("a"), bad("a"), bad("b"), bad("b"), good()]) is None


def test_one_client_alone_needs_many_more_failures_and_an_unreadable_record_is_of_one_client() -> None:
    for client in ("a", None):
        counts = FailureCounts(POLICY)
        assert counts.add([bad(client)] * 19) is None
        assert counts.add([bad(client)] * 5) == Reached("20 outcomes in a row failed", 20, 20, ("internal",) * 10)


def test_a_client_that_fails_among_others_that_succeed_never_stops_the_lane() -> None:
    counts = FailureCounts(POLICY)
    for _ in range(100):
        assert counts.add([*[bad("a")] * 15, good()]) is None


def test_with_a_share_of_one_a_single_client_reaches_any_limit() -> None:
    counts = FailureCounts(FailurePolicy(run=6, alone=20, window=12, share=1.0))
    assert counts.add([bad("a")] * 6) is not None


def test_a_ratio_of_the_last_outcomes_reaches_the_limit_once_the_window_is_full() -> None:
    counts = FailureCounts(POLICY)
    for _ in range(5):
        assert counts.add([bad("a"), good()]) is None
    assert counts.add([bad("b")]) is None, "eleven outcomes are not twelve, and one client counts three times"
    assert counts.add([good(), bad("b"), good()]) is None
    assert counts.add([bad("b")]) == Reached("6 of the last 12 outcomes failed", 6, 12, ("internal",) * 8)


def test_a_large_group_of_successes_pushes_all_failures_out() -> None:
    counts = FailureCounts(POLICY)
    counts.add([bad("a"), bad("b"), bad("a"), bad("b")])
    counts.add([good(5000)])
    assert counts._last.total == counts._last.counted == 0
    assert list(counts._window) == [good(12)]


def test_after_a_reset_nothing_of_before_counts() -> None:
    counts = FailureCounts(POLICY)
    assert counts.add([bad("a"), bad("b")] * 3) is not None
    counts.reset()
    assert counts.add([bad("a"), bad("b"), bad("a"), bad("b"), bad("a")]) is None
    assert counts.add([bad("b")]) is not None


steps = st.lists(st.tuples(st.sampled_from(["a", "b", None]), st.booleans(), st.integers(1, 20)), max_size=60)


@given(steps, st.sampled_from([0.25, 0.5, 1.0]))
def test_what_is_counted_step_by_step_is_what_counting_everything_anew_gives(
    history: list[tuple[str | None, bool, int]], share: float
) -> None:
    policy = FailurePolicy(run=6, alone=9, ratio=0.5, window=12, share=share)
    counts, flat = FailureCounts(policy), list[str | bool | None]()
    for client, fails, count in history:
        some = [bad(client)] if fails else [good(count)]
        flat += [client] if fails else [True] * count
        assert (counts.add(some) is not None) == (fails and stops(policy, flat))


def stops(policy: FailurePolicy, flat: list[str | bool | None]) -> bool:
    """The rule, as the policy's docstring says it."""
    row = list[Any]()
    for each in reversed(flat):
        if each is True:
            break
        row.append(each)
    last = flat[-policy.window :]
    failed = [each for each in last if each is not True]

    def capped(clients: list[Any], limit: float) -> int:
        return sum(min(number, -int(-limit * policy.share // 1)) for number in Counter(clients).values())

    in_a_row = capped(row, policy.run) >= policy.run or len(row) >= policy.alone
    enough = policy.ratio * policy.window
    return in_a_row or (len(last) == policy.window and capped(failed, enough) >= enough)


def group(**items: list[Item]) -> dict[Verdict, list[Item]]:
    return {each: items.get(each.name.lower(), []) for each in Verdict}


def test_failed_events_and_exhausted_retries_count_and_others_do_not() -> None:
    exhausted = UnknownVersion("unknown_version", "v9", SimpleNamespace())  # type: ignore[arg-type]
    became = group(
        complete=[item()],
        duplicate=[item()],
        fail=[item(Permanent("internal", "a bug"), "b")],
        reject=[item(Rejection("garbage", "no JSON"), None), item(Conflict("payload_conflict", "taken")), item(exhausted, "c")],
        retry=[item(Permanent("internal", "perhaps later"))],
    )
    assert endings(became) == [good(), bad("b"), bad("c", "unknown_version")]


def test_rejected_records_count_in_the_order_in_which_they_were_read() -> None:
    garbage, later = item(Rejection("garbage", "no JSON"), None), item(UnknownVersion("v", "v9", None))  # type: ignore[arg-type]
    assert readings([item(), later, garbage, garbage, item()], [later, garbage, garbage]) == [
        good(2),
        bad(None, "garbage"),
        bad(None, "garbage"),
        good(),
    ]
    assert readings([item(), item()], []) == [good(2)]
    assert readings([garbage], [garbage]) == [bad(None, "garbage")]


def test_a_few_bad_records_in_many_do_not_stop_a_lane_whose_events_wait_for_a_lock() -> None:
    """What is rejected is saved at once, and what lies between cannot end yet."""
    gate, garbage = Gate(), item(Rejection("garbage", "no JSON"), None)
    limit = FailureLimit(FailurePolicy(run=50, alone=60, window=100, share=1.0), gate)
    for _ in range(200):
        limit.saw_read([garbage, *[item()] * 12], [garbage])
        limit.saw_ended(group(reject=[garbage]))
    assert gate.is_open


def test_a_topic_full_of_garbage_stops_its_lane() -> None:
    gate, garbage = Gate(), item(Rejection("garbage", "no JSON"), None)
    limit = FailureLimit(FailurePolicy(run=50, share=1.0), gate)
    limit.saw_read([garbage] * 49, [garbage] * 49)
    assert gate.is_open
    limit.saw_read([garbage], [garbage])
    assert gate.reasons == {WHO: "stopped: 50 outcomes in a row failed"}


def test_a_group_without_a_failure_is_one_entry() -> None:
    assert endings(group(complete=[item()] * 2, duplicate=[item()])) == [good(2)]
    assert endings(group(retry=[item()])) == []


@given(st.integers(0, 50), st.integers(0, 50))
def test_what_is_good_and_bad_in_a_group_is_mixed_evenly(completed: int, failed: int) -> None:
    failing = [item(Permanent("internal", "a bug"), f"c{each}") for each in range(failed)]
    found = endings(group(complete=[item()] * completed, fail=failing))
    assert [each.client for each in found if each.code] == [f"c{each}" for each in range(failed)]
    assert sum(each.number for each in found if not each.code) == completed
    rows = [len(row) for row in "".join("b" if each.code else " " for each in found).split(" ")]
    assert max(rows) <= (-(-failed // completed) if completed else failed)


def test_the_gate_is_shut_when_the_limit_is_reached_and_only_a_new_beginning_counts_again() -> None:
    gate = Gate()
    limit = FailureLimit(FailurePolicy(run=2, share=1.0), gate)
    failed = group(fail=[item(Permanent("internal", "a bug"))])
    limit.saw_ended(failed)
    assert gate.is_open
    limit.saw_ended(failed)
    assert gate.reasons == {WHO: "stopped: 2 outcomes in a row failed"}
    limit.begin(1)
    gate.open(WHO)
    limit.saw_ended(failed)
    assert (limit.epoch, gate.is_open) == (1, True)


def test_a_rejection_that_no_reading_has_counted_counts_where_it_ends() -> None:
    unstorable, killing = (
        item(Rejection("internal", "its failure cannot be stored")),
        item(Rejection("kills_worker", "…"), None),
    )
    assert endings(group(reject=[unstorable, item(Rejection("garbage", "…")), killing])) == [
        bad("acme"),
        bad(None, "kills_worker"),
    ]


def test_records_that_are_read_once_more_do_not_end_a_row() -> None:
    gate, garbage, waiting, kept = Gate(), item(Rejection("garbage", "no JSON"), None), item(), item()
    waiting.owns_key, kept.lease = True, (uuid4(), b"")
    limit = FailureLimit(FailurePolicy(run=50, share=1.0), gate)
    for _ in range(50):
        limit.saw_read([garbage, waiting, kept], [garbage])
    assert not gate.is_open
