from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.uris import ForbiddenUri, resolve

PLAIN = [
    "book.parquet",
    "books/credit.parquet",
    "a b.csv",
    "2026-01-15/Ünïcode.json",
    "100%.csv",
    "a%20b.csv",
    "..hidden/x..y",
    "books/snapshot:eod.json",
]
LEAVING = ["..", "../x", "a/../../x", "a/..", "./x", ".", "", "a//b", "a/"]
ABSOLUTE = ["/etc/passwd", "//host/x", "file:///etc/passwd", "s3://other/x", "https://host/x", "C:/x", "data:,x"]
DISGUISED = ["..\\x", "a\\b", "a\x00b", "a\nb", "%2e%2e/x", "%2E%2E%2Fx", "a/%2e./x", "%252e%252e/x", "%2fetc", "a%00", "a%5cb"]


@pytest.mark.parametrize("uri", PLAIN)
def test_a_plain_path_is_taken_literally(uri: str) -> None:
    assert resolve(uri) == uri


@pytest.mark.parametrize("uri", LEAVING + ABSOLUTE + DISGUISED + ["book.csv#1", "\ud800"])
def test_whatever_is_no_plain_path_is_forbidden(uri: str) -> None:
    with pytest.raises(ForbiddenUri) as caught:
        resolve(uri)

    assert caught.value.code == "forbidden_uri"
    assert caught.value.message.isprintable()


@given(st.lists(st.sampled_from(["..", ".", "a", "", "b c", "%"]), min_size=1), st.integers(0, 3))
def test_no_number_of_encodings_brings_a_dotted_segment_through(segments: list[str], times: int) -> None:
    uri = "/".join(segments)
    for _ in range(times):
        uri = quote(uri, safe="").replace(".", "%2e")
    allowed = not {"..", ".", ""} & set(segments)

    if allowed:
        assert resolve(uri) == uri
    else:
        with pytest.raises(ForbiddenUri):
            resolve(uri)
