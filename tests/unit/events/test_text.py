from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.text import is_client_id, is_identifier, is_timestamp, printable

UNPRINTABLE = ["\x00", "\n", "\x1b", "\x7f", "\x85", "\u200b", "\u202e", "\u2028", "\ud800", "\ufeff", "\u00a0"]


@pytest.mark.parametrize("text", ["a", " ", "0197-ä", "日本", "x" * 256, "🙂"])
def test_printable_text_is_an_identifier(text: str) -> None:
    assert is_identifier(text)


@pytest.mark.parametrize("char", UNPRINTABLE)
def test_text_with_a_character_that_does_not_print_is_no_identifier(char: str) -> None:
    assert not is_identifier(f"a{char}b")


@pytest.mark.parametrize("text", ["", "x" * 257])
def test_an_identifier_has_1_to_256_characters(text: str) -> None:
    assert not is_identifier(text)


@pytest.mark.parametrize("text", ["a", "9", "acme.eu-west_1", "A" * 64])
def test_a_client_id_is_letters_digits_dots_underscores_and_hyphens(text: str) -> None:
    assert is_client_id(text)


@pytest.mark.parametrize("text", ["", ".a", "-a", "a b", "a/b", "ä", "a\n", "A" * 65])
def test_other_text_is_no_client_id(text: str) -> None:
    assert not is_client_id(text)


@pytest.mark.parametrize(
    "text",
    ["2026-11-20T10:00:00Z", "2026-11-20t10:00:00z", "2026-11-20T10:00:00.123456789+05:30", "2024-02-29T23:59:59-11:00"],
)
def test_an_rfc_3339_time_is_a_timestamp(text: str) -> None:
    assert is_timestamp(text)


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-20",
        "2026-11-20T10:00:00",
        "2026-11-20 10:00:00Z",
        "20261120T100000Z",
        "2026-W47-5T10:00:00Z",
        "2026-11-20T10:00:00,5Z",
        "2026-11-20T10:00:00+0100",
        "2026-02-30T10:00:00Z",
        "2026-11-20T24:00:01Z",
        "2026-11-20T10:00:00+25:00",
        "2026-11-20T10:00:00Z\n",
        "٢٠٢٦-11-20T10:00:00Z",
    ],
)
def test_other_times_are_no_timestamps(text: str) -> None:
    assert not is_timestamp(text)


@given(st.text(alphabet=st.characters(exclude_categories=())), st.integers(min_value=2, max_value=60))
def test_a_message_is_always_printable_and_short(text: str, limit: int) -> None:
    message = printable(text, limit)
    assert message.isprintable()
    assert len(message) <= limit


def test_a_message_shows_what_it_escapes_and_where_it_was_cut() -> None:
    assert printable("a\x00b\n\ud800") == "a\\x00b\\n\\ud800"
    assert printable("x" * 20, 10) == "x" * 9 + "…"
    assert printable("x" * 10, 10) == "x" * 10
