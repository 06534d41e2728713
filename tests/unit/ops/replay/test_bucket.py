from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ops.replay.bucket import TokenBucket


def test_a_burst_goes_at_once_and_what_follows_at_the_rate() -> None:
    bucket = TokenBucket(rate=10, burst=20)
    assert bucket.wait(0.0) == 0
    bucket.take(20, 0.0)
    assert bucket.wait(0.0) == 0
    bucket.take(5, 0.0)
    assert bucket.wait(0.0) == 0.5
    assert bucket.wait(0.25) == 0.25
    assert bucket.wait(0.5) == 0


def test_a_long_silence_saves_up_no_more_than_a_burst() -> None:
    bucket = TokenBucket(rate=10, burst=20)
    bucket.take(20, 0.0)
    bucket.take(25, 1000.0)
    assert bucket.wait(1000.0) == 0.5


def test_a_clock_that_goes_backwards_saves_up_nothing() -> None:
    bucket = TokenBucket(rate=10, burst=10)
    bucket.take(20, 100.0)
    assert bucket.wait(50.0) == 1.0
    assert bucket.wait(51.0) == 0


@given(
    st.floats(1, 100_000),
    st.lists(st.tuples(st.floats(0, 5), st.integers(0, 1000)), min_size=1, max_size=50),
)
def test_never_more_than_a_burst_a_batch_and_the_rate(rate: float, batches: list[tuple[float, int]]) -> None:
    burst = 1000.0
    bucket, now, taken = TokenBucket(rate, burst), 0.0, 0
    for idle, size in batches:
        now += idle
        now += bucket.wait(now)
        bucket.take(size, now)
        taken += size
        assert taken <= burst + size + rate * now + 1e-6 * (1 + rate * now)
