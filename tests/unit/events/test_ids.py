from __future__ import annotations

import time
from uuid import RFC_4122

from events.ids import uuid7


def test_an_id_is_a_version_7_uuid_of_the_time_now() -> None:
    before = time.time_ns() // 1_000_000
    made = uuid7()
    after = time.time_ns() // 1_000_000
    assert (made.version, made.variant) == (7, RFC_4122)
    assert before <= made.int >> 80 <= after


def test_no_two_ids_are_the_same() -> None:
    assert len({uuid7() for _ in range(10_000)}) == 10_000


def test_later_ids_sort_behind_earlier_ones() -> None:
    first = uuid7()
    time.sleep(0.002)
    assert first < uuid7()
