"""Large portfolios cut into slices: whatever the file and wherever its pieces end, the slices together are the file."""

from __future__ import annotations

import io
import json
from hashlib import sha256
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.failures import Permanent
from handlers.price import lines, planning, slicing
from handlers.price.lines import LineCutter
from handlers.price.planning import Bounds, plan_bytes, read_slice
from handlers.price.portfolio import Portfolio
from handlers.price.row_groups import SparseFile
from handlers.price.slicing import Slice, cut_rows, most_positions
from tests.unit.handlers.price.books import BOND, FORWARD

PLENTY = 1 << 30


def book(count: int) -> list[dict[str, Any]]:
    return [(BOND if number % 3 else FORWARD) | {"position_id": f"p{number}"} for number in range(count)]


def parquet(positions: list[dict[str, Any]], group_rows: int) -> bytes:
    names = list(dict.fromkeys(name for position in positions or book(3) for name in position))
    table = pa.table({name: [position.get(name) for position in positions] for name in names})
    data = io.BytesIO()
    pq.write_table(table.append_column("comment", [["x" * 50] * len(positions)]), data, row_group_size=group_rows)
    return data.getvalue()


def csv_line(position: dict[str, Any], comment: str) -> str:
    values = [position["position_id"], position["product_type"], comment, str(position["notional"])]
    return ",".join('"' + value.replace('"', '""') + '"' for value in values)


def contents(data: bytes, slice_: Slice) -> list[bytes]:
    return [data[first:end] for first, end in slice_.ranges]


def ids(data: bytes, name: str, slices: list[Slice]) -> list[str]:
    found: list[str] = []
    for each in slices:
        assert each.first_row == len(found)
        portfolio = Portfolio.from_file(read_slice(each, contents(data, each), name))
        assert len(portfolio) == each.positions
        found += portfolio.position_ids
    return found


def cut(data: bytes, name: str, most: int, pieces: list[int]) -> tuple[list[Slice], LineCutter]:
    cutter = LineCutter(name, most, is_csv=name.endswith(".csv"))
    at = 0
    for size in [*pieces, len(data)]:
        cutter.feed(data[at : at + size])
        at += size
    return cutter.finish(), cutter


# The first piece of an object is never shorter than a byte order mark.
PIECES = st.lists(st.integers(3, 90), max_size=40)
BREAKS = st.sampled_from(["\n", "\r\n", "\n\n", "\n \t\r\n"])


@settings(max_examples=60)
@given(count=st.integers(0, 25), most=st.integers(1, 9), pieces=PIECES, end=BREAKS, last=st.booleans(), mark=st.booleans())
def test_the_slices_of_json_lines_are_the_file(
    count: int, most: int, pieces: list[int], end: str, last: bool, mark: bool
) -> None:
    text = end.join(json.dumps(position) for position in book(count)) + (end if last else "")
    data = (b"\xef\xbb\xbf" if mark else b"") + text.encode()
    slices, cutter = cut(data, "b.jsonl", most, pieces)
    assert ids(data, "b.jsonl", slices) == [position["position_id"] for position in book(count)]
    assert cutter.whole.digest() == sha256(data).digest()
    assert all(each.positions == most for each in slices[:-1])


@settings(max_examples=60)
@given(
    comments=st.lists(st.text('a",\n\r é', max_size=12), max_size=25),
    most=st.integers(1, 9),
    pieces=PIECES,
    end=st.sampled_from(["\n", "\r\n", "\r", "\n\n"]),
    last=st.booleans(),
)
def test_the_slices_of_a_csv_file_are_the_file_although_values_hold_quotes_and_line_breaks(
    comments: list[str], most: int, pieces: list[int], end: str, last: bool
) -> None:
    positions = book(len(comments))
    rows = [csv_line(position, comment) for position, comment in zip(positions, comments, strict=True)]
    data = (end.join(["position_id,product_type,comment,notional", *rows]) + (end if last else "")).encode()
    slices, cutter = cut(data, "b.csv", most, pieces)
    assert ids(data, "b.csv", slices) == [position["position_id"] for position in positions]
    assert cutter.whole.digest() == sha256(data).digest()


@settings(max_examples=40)
@given(count=st.integers(0, 40), group=st.integers(1, 17), most=st.integers(1, 20))
def test_the_slices_of_a_parquet_file_are_the_file(count: int, group: int, most: int) -> None:
    data = parquet(book(count), group)
    plan = plan_bytes(data, "b.parquet", Bounds(most, PLENTY))
    assert ids(data, "b.parquet", list(plan.slices)) == [position["position_id"] for position in book(count)]
    assert plan.sha256 == sha256(data).digest()
    assert all(each.positions <= most for each in plan.slices)


def test_a_slice_of_parquet_names_no_more_bytes_than_its_row_groups_and_the_footer() -> None:
    data = parquet(book(400), 100)
    plan = plan_bytes(data, "b.parquet", Bounds(200, PLENTY))
    assert [each.positions for each in plan.slices] == [200, 200]
    sizes = [sum(end - first for first, end in each.ranges[:1]) for each in plan.slices]
    assert sum(sizes) <= len(data)


def test_pieces_of_an_object_are_fed_to_the_hash_of_each_row_group(monkeypatch: pytest.MonkeyPatch) -> None:
    data = parquet(book(90), 10)
    whole = plan_bytes(data, "b.parquet", Bounds(10, PLENTY))
    first, end = whole.slices[0].ranges[1]
    cutter = planning._group_cutter(data[first:end], (first, end), "b.parquet", Bounds(10, PLENTY))
    for at in range(0, len(data), 7):
        cutter.feed(data[at : at + 7])
    assert cutter.finish() == list(whole.slices)


@pytest.mark.parametrize("name", ["b.jsonl", "b.csv", "b.parquet"])
def test_a_slice_whose_bytes_have_changed_is_refused(name: str) -> None:
    data = {
        "b.jsonl": "\n".join(json.dumps(each) for each in book(9)).encode(),
        "b.csv": "\n".join(["position_id,product_type,comment,notional", *(csv_line(each, "") for each in book(9))]).encode(),
        "b.parquet": parquet(book(9), 3),
    }[name]
    plan = plan_bytes(data, name, Bounds(3, PLENTY))
    changed = bytearray(data)
    changed[plan.slices[1].ranges[-1 if name != "b.parquet" else 0][0] + 5] ^= 1
    with pytest.raises(Permanent) as caught:
        read_slice(plan.slices[1], contents(bytes(changed), plan.slices[1]), name)
    assert caught.value.code == "checksum_mismatch"


def test_a_slice_ends_before_it_has_too_many_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "MAX_SLICE_BYTES", 1000)
    data = "".join(json.dumps(each) + "\n" for each in book(30)).encode()
    slices, _ = cut(data, "b.jsonl", 1000, [350, 10, 4000])
    assert len(slices) > 5
    assert all(end - first <= 1000 for each in slices for first, end in each.ranges)
    assert ids(data, "b.jsonl", slices) == [position["position_id"] for position in book(30)]


@pytest.mark.parametrize(
    ("data", "name", "message"),
    [
        (b'{"a": "' + b"x" * 2000, "b.jsonl", "line 1 of 'b.jsonl' is longer than 1000 bytes"),
        (
            b'position_id,product_type\na,"' + b"x\n" * 1000,
            "b.csv",
            "line 2 of 'b.csv' is longer than 1000 bytes, or has a quote that nothing closes",
        ),
    ],
)
def test_a_line_without_end_is_not_gathered(data: bytes, name: str, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "MAX_LINE_BYTES", 1000)
    with pytest.raises(Permanent, match=message) as caught:
        cut(data, name, 10, [])
    assert caught.value.code == "portfolio_unreadable"


@pytest.mark.parametrize(
    ("data", "name", "message"),
    [
        (b"a,b\n1,2\n", "b.csv", "'b.csv' has no column position_id; its columns are a, b"),
        (b"", "b.csv", "Empty CSV file"),
        (b"PAR1 no such thing", "b.parquet", "it has no footer at its end"),
        (b"", "b.parquet", "it has no footer at its end"),
        (b"PAR1" + b"x" * 50 + (20).to_bytes(4, "little") + b"PAR1", "b.parquet", "is not a readable Parquet file"),
        (b"{}", "b.xlsx", "does not end in one of"),
    ],
)
def test_what_is_no_portfolio_is_found_before_it_is_cut(data: bytes, name: str, message: str) -> None:
    with pytest.raises(Permanent, match=message) as caught:
        plan_bytes(data, name, Bounds(3, PLENTY))
    assert caught.value.code == "portfolio_unreadable"


def test_a_truncated_parquet_file_is_refused_wherever_it_ends() -> None:
    data = parquet(book(20), 5)
    for size in range(0, len(data), 97):
        with pytest.raises(Permanent):
            plan_bytes(data[:size], "b.parquet", Bounds(3, PLENTY))


def test_a_row_group_that_is_too_large_to_be_read_at_once_is_refused() -> None:
    with pytest.raises(Permanent, match="write smaller row groups") as caught:
        plan_bytes(parquet(book(900), 900), "b.parquet", Bounds(3, 100))
    assert caught.value.code == "too_large"


def test_a_run_of_too_many_slices_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slicing, "MAX_SLICES", 2)
    data = "\n".join(json.dumps(each) for each in book(9)).encode()
    with pytest.raises(Permanent, match="3 slices, more than 2") as caught:
        plan_bytes(data, "b.jsonl", Bounds(3, PLENTY))
    assert caught.value.code == "too_large"


def test_a_quote_in_the_middle_of_a_value_makes_its_slice_unreadable_rather_than_short() -> None:
    rows = ["position_id,product_type", 'a,5" pipe', "b,FX_FWD", 'c,3" pipe', "d,FX_FWD"]
    data = "\n".join(rows).encode()
    with pytest.raises(Permanent, match=r"were planned, but 4 can be read|more than"):
        ids(data, "b.csv", list(plan_bytes(data, "b.csv", Bounds(9, PLENTY)).slices))


def test_slices_of_positions_in_an_event_are_of_one_size_but_for_the_last() -> None:
    assert cut_rows(10, 4) == [Slice(0, 4), Slice(4, 4), Slice(8, 2)]
    assert cut_rows(0, 4) == []


def test_cells_and_positions_bound_a_slice_and_one_position_always_fits() -> None:
    assert most_positions(1_000_000, 100) == 10_000
    assert most_positions(1_000_000, 1) == slicing.MAX_SLICE_POSITIONS
    assert most_positions(10, 100) == 1


def test_bytes_that_are_not_at_hand_are_no_bytes() -> None:
    file = SparseFile(100, [(10, b"abc")])
    file.seek(10)
    assert file.read(3) == b"abc"
    file.seek(11)
    with pytest.raises(OSError, match="bytes 11 to 15 are not at hand"):
        file.read(4)


def test_reading_a_slice_decodes_rows_and_leaves_the_others() -> None:
    data = parquet(book(2_000), 2_000)
    plan = plan_bytes(data, "b.parquet", Bounds(700, PLENTY))
    assert [each.positions for each in plan.slices] == [700, 700, 600]
    assert len({each.ranges for each in plan.slices}) == 1
    assert np.array_equal(ids(data, "b.parquet", list(plan.slices)), [f"p{number}" for number in range(2_000)])
