"""When a lane counts as standing still, and a consumer as lost."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.membership import membership
from streams.progress import Attempt, Attempts, Membership, Pace, ProgressPolicy, lost, stalled

POLICY = ProgressPolicy(stall=120, out=60)
NOW = 10_000.0


def pace(**seen: Any) -> Pace:
    """One that has held a record and stood still for an hour, without a reason."""
    return Pace(**({"held": 1, "moved": NOW - 3_600, "excused": NOW - 3_600} | seen))


def test_a_lane_with_work_that_has_not_moved_for_the_bound_stands_still() -> None:
    assert stalled(NOW, pace(held=3), POLICY) == "nothing of 3 records in hand has moved for 3600 s"
    assert stalled(NOW, pace(moved=NOW - 121), POLICY) is not None
    assert stalled(NOW, pace(moved=NOW - 120), POLICY) is None


@pytest.mark.parametrize("seen", [{"held": 0}, {"excused": NOW - 120}, {"attempts": [Attempt(NOW - 899, 900)]}])
def test_an_idle_lane_one_that_had_a_reason_and_one_that_works_do_not(seen: dict[str, Any]) -> None:
    assert stalled(NOW, pace(**seen), POLICY) is None


def test_a_handler_beyond_its_time_out_and_the_bound_is_a_stall_even_while_others_move() -> None:
    late = Attempt(NOW - 1_021, 900)
    assert stalled(NOW, pace(moved=NOW, attempts=[Attempt(NOW, 900), late]), POLICY) == (
        "a handler has not ended after 1021 s; its time-out is 900 s"
    )
    assert stalled(NOW, pace(attempts=[Attempt(NOW - 1_020, 900)]), POLICY) is None


def test_a_handler_that_an_outage_has_held_has_the_bound_once_more_afterwards() -> None:
    assert stalled(NOW, pace(excused=NOW - 119, attempts=[Attempt(NOW - 5_000, 900)]), POLICY) is None
    assert stalled(NOW, pace(excused=NOW - 121, attempts=[Attempt(NOW - 5_000, 900)]), POLICY) is not None


seconds = st.floats(0, 5_000)


@given(st.integers(0, 5), seconds, seconds, st.lists(st.builds(Attempt, seconds, st.floats(1, 900)), max_size=3), seconds)
def test_a_reason_to_stand_still_within_the_bound_always_excuses(
    held: int, moved: float, excused: float, attempts: list[Attempt], now: float
) -> None:
    found = stalled(now, Pace(held, moved, excused, attempts), POLICY)
    if now - excused <= POLICY.stall:
        assert found is None
    if found is None and held and not attempts:
        assert now - max(moved, excused) <= POLICY.stall


def test_a_consumer_is_lost_when_it_has_ended_or_is_out_for_longer_than_a_rebalance_may_take() -> None:
    def since(seconds: float, membership: Membership) -> str | None:
        return lost(NOW, membership, NOW - seconds, 30, POLICY)

    assert since(9_999, Membership.INSIDE) is None
    assert since(60, Membership.ENDED) is None
    assert since(61, Membership.ENDED) == "its consumer has been ended for 61 s"
    assert since(90, Membership.OUTSIDE) is None
    assert since(91, Membership.OUTSIDE) == "its consumer has been outside its group for 91 s"


async def test_an_attempt_is_under_way_until_it_really_ends() -> None:
    now = [5.0]
    attempts, may_end = Attempts(lambda: now[0]), asyncio.Event()

    async def step(_items: Any) -> Any:
        await may_end.wait()
        raise ValueError

    task = asyncio.create_task(attempts.timed(step, 3)([]))  # type: ignore[arg-type]
    await asyncio.sleep(0)
    assert attempts.under_way == [Attempt(5.0, 3)]
    now[0] = 9.0
    may_end.set()
    with pytest.raises(ValueError, match=r"^$"):
        await task
    assert (attempts.under_way, attempts.ended) == ([], 9.0)


async def test_the_membership_is_read_from_the_client() -> None:
    forever, done = asyncio.ensure_future(asyncio.sleep(3_600)), asyncio.get_running_loop().create_future()
    done.set_result(None)

    def seen(tasks: Any, coordination: Any = forever, member: str = "m", *, rejoin: bool = False) -> Membership:
        coordinator = SimpleNamespace(_coordination_task=coordination, member_id=member, need_rejoin=lambda _: rejoin)
        consumer = SimpleNamespace(_coordinator=coordinator, _subscription=SimpleNamespace(subscription=None))
        return membership(SimpleNamespace(consumer=consumer, tasks=tasks))

    assert membership(SimpleNamespace(consumer=None, tasks=[])) is Membership.INSIDE
    assert seen([]) is Membership.INSIDE
    assert seen([done, forever]) is Membership.INSIDE
    assert seen([done]) is Membership.ENDED
    assert seen([forever], coordination=done) is Membership.ENDED
    assert seen([forever], member="") is Membership.OUTSIDE
    assert seen([forever], rejoin=True) is Membership.OUTSIDE
    forever.cancel()
