from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.replay.selection import Selection, Window, moment, windows
from streams.lag import PartitionLag
from streams.ranges import Range
from streams.read import Incoming

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2h", timedelta(hours=2)),
        ("90m", timedelta(minutes=90)),
        ("1d12h", timedelta(days=1, hours=12)),
        (" 30s ", timedelta(seconds=30)),
        ("2026-11-28T12:00:00Z", NOON),
        ("2026-11-28T13:00:00+01:00", datetime(2026, 11, 28, 13, tzinfo=timezone(timedelta(hours=1)))),
    ],
)
def test_a_moment_is_a_time_or_how_long_ago(text: str, expected: Any) -> None:
    assert moment(text) == expected


@pytest.mark.parametrize("text", ["", "2", "h", "-2h", "0h", "2h2h", "yesterday", "2026-13-01T00:00:00Z", "2 h", "1.5h"])
def test_what_is_no_moment_is_told_what_one_looks_like(text: str) -> None:
    with pytest.raises(ValueError, match=r"neither a time with its zone, such as .*, nor how long ago, such as 90m"):
        moment(text)


@pytest.mark.parametrize("text", ["2026-11-28T12:00:00", "2026-11-28"])
def test_a_time_without_a_zone_is_no_moment(text: str) -> None:
    with pytest.raises(ValueError, match="lacks its zone"):
        moment(text)


def place(partition: int = 0, start: int = 100, end: int = 200) -> PartitionLag:
    return PartitionLag("t", partition, None, start, end)


def window(start: int = 100, end: int = 200, **chosen: Any) -> Window | None:
    return windows(Selection("t", **chosen), [place(0, start, end)], {}).get(0)


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ({}, Window(Range(100, 200))),
        ({"from_offset": 150}, Window(Range(150, 200))),
        ({"from_offset": 150, "to_offset": 160}, Window(Range(150, 160))),
        ({"to_offset": 1000}, Window(Range(100, 200))),
        ({"from_offset": 90}, Window(Range(100, 200), deleted=10)),
        ({"from_offset": 90, "to_offset": 95}, Window(Range(100, 100), deleted=5)),
        ({"from_offset": 200}, None),
        ({"from_offset": 300}, None),
        ({"to_offset": 100}, None),
    ],
)
def test_offsets_are_cut_to_what_kafka_has_and_what_it_lacks_is_counted(chosen: Any, expected: Window | None) -> None:
    assert window(**chosen) == expected


@pytest.mark.parametrize(("since", "expected"), [(120, Window(Range(120, 200))), (None, None)])
def test_a_time_begins_where_kafka_says_and_what_is_before_another_is_looked_for_to_the_end(
    since: int | None, expected: Window | None
) -> None:
    chosen = Selection("t", since=NOON, until=NOON + timedelta(hours=1))
    assert windows(chosen, [place()], {0: since}).get(0) == expected


def test_each_record_is_chosen_by_its_own_time_in_whatever_order_they_lie() -> None:
    at = int(NOON.timestamp() * 1000)
    times = [at + 3_600_000, at, at - 1, at + 3_599_999, at + 86_400_000, at + 1]
    records = [Incoming("t", 0, offset, each, None, None, ()) for offset, each in enumerate(times)]

    def offsets_at(**times: datetime) -> list[int]:
        return [each.offset for each in Selection("t", **times).at_its_times(records)]

    assert offsets_at(since=NOON, until=NOON + timedelta(hours=1)) == [1, 3, 5]
    assert offsets_at(since=NOON) == [0, 1, 3, 4, 5]
    assert offsets_at(until=NOON) == [2]
    assert offsets_at() == [0, 1, 2, 3, 4, 5]


def test_only_the_partitions_that_were_named_are_taken_and_each_has_to_be_there() -> None:
    places = [place(each) for each in range(3)]
    assert sorted(windows(Selection("t", (2, 0, 2)), places, {})) == [0, 2]
    assert sorted(windows(Selection("t"), places, {})) == [0, 1, 2]
    with pytest.raises(ValueError, match="t has no partition 3, but 3, from 0 on"):
        windows(Selection("t", (0, 3)), places, {})


offsets = st.none() | st.integers(0, 300)


@given(offsets, offsets, st.integers(0, 200), st.integers(0, 100))
def test_a_window_never_leaves_what_kafka_has(first: int | None, end: int | None, start: int, length: int) -> None:
    found = window(start, start + length, from_offset=first, to_offset=end)
    if found is not None:
        assert start <= found.range.first <= found.range.end <= start + length
        chosen_end = start + length if end is None else end
        gone = max(0, min(start, chosen_end) - first) if first is not None else 0
        assert found.deleted == gone


@given(
    st.builds(
        Selection,
        topic=st.just("t"),
        partitions=st.lists(st.integers(0, 9)).map(tuple),
        from_offset=offsets,
        to_offset=offsets,
        since=st.none() | st.datetimes(timezones=st.just(UTC)),
        until=st.none() | st.datetimes(timezones=st.just(UTC)),
        client_id=st.none() | st.just("acme"),
        include_rejected=st.booleans(),
        event_ids=st.lists(st.text(max_size=3), max_size=2).map(tuple),
        reprocess=st.booleans(),
    )
)
def test_a_selection_is_kept_as_it_was(selection: Selection) -> None:
    assert Selection.of(selection.as_plain()) == selection
