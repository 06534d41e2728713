"""Headers survive their column, whatever they are."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from storage.headers import pack_headers, unpack_headers

names = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(st.lists(st.tuples(names, st.none() | st.binary(max_size=40)), max_size=6))
def test_what_is_packed_is_unpacked(headers: list[tuple[str, bytes | None]]) -> None:
    assert unpack_headers(pack_headers(headers)) == headers


def test_no_headers_are_null() -> None:
    assert pack_headers([]) is None
    assert unpack_headers(None) == []


def test_a_lone_surrogate_in_a_name_loses_only_itself() -> None:
    assert unpack_headers(pack_headers([("a\ud800b", b"x")])) == [("a?b", b"x")]
