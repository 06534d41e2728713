"""Bytes to text."""

from __future__ import annotations

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.embed.text import clean, decode

TEXT = "Größe: 5 €"


@pytest.mark.parametrize(
    "content",
    [
        TEXT.encode(),
        codecs.BOM_UTF8 + TEXT.encode(),
        codecs.BOM_UTF16_LE + TEXT.encode("utf-16-le"),
        codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"),
        codecs.BOM_UTF32_LE + TEXT.encode("utf-32-le"),
        TEXT.encode("cp1252"),
    ],
    ids=["utf-8", "utf-8 with mark", "utf-16-le", "utf-16-be", "utf-32-le", "windows-1252"],
)
def test_the_encoding_is_found(content: bytes) -> None:
    assert decode(content) == TEXT


def test_a_page_may_name_its_charset() -> None:
    page = '<meta charset="windows-1251"><p>Привет'
    assert decode(page.encode("cp1251"), declares=True) == page
    assert decode(page.encode("cp1251")) != page


@pytest.mark.parametrize("name", ["windows-9999", "iso-8859-1", "unicode_escape", "rot13"])
def test_a_charset_that_cannot_be_meant_is_windows_1252(name: str) -> None:
    assert decode(f'<meta charset="{name}">€'.encode("cp1252"), declares=True).endswith("€")


@given(st.binary())
def test_any_bytes_become_text_that_postgres_and_json_can_keep(content: bytes) -> None:
    text = clean(decode(content, declares=True))
    assert not {"\0", "\r", "\ufeff"} & set(text)
    assert text.encode().decode() == text


@given(st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S", "Zs"])))
def test_what_can_be_kept_is_kept(text: str) -> None:
    assert clean(text) == text


def test_controls_go_and_breaks_of_lines_become_one_kind() -> None:
    assert clean("a\0b\x07c\r\nd\re\fg\x85h\ttab\ud800\ufffe") == "abc\nd\ne\ng\nh\ttab"
