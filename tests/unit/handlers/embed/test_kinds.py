"""Which format a document is in: signatures, then the media type, then the name."""

from __future__ import annotations

import pytest

from events.failures import Permanent
from handlers.embed.kinds import FOREIGN, Kind, kind_of
from handlers.embed.model import Limits
from tests.unit.handlers.embed.files import archive, changed, docx, encrypted_office, pdf, written, xlsx

PDF = pdf(written("text"))
DOCX = docx("text")
XLSX = xlsx({"Sheet": [["text"]]})
HTML = b"<!DOCTYPE html><p>text"
DOCX_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


def kind(content: bytes, filename: str = "file", media_type: str | None = None) -> Kind:
    return kind_of(content, filename, media_type, Limits())


def code(content: bytes, filename: str = "file", media_type: str | None = None, limits: Limits | None = None) -> str:
    with pytest.raises(Permanent) as caught:
        kind_of(content, filename, media_type, limits or Limits())
    return caught.value.code


@pytest.mark.parametrize("filename", ["file", "file.txt", "file.md", "file.pdf", "file.docx", "file.xlsx", "file.exe"])
@pytest.mark.parametrize("media_type", [None, "application/octet-stream", "text/plain", "application/pdf", "image/png"])
def test_a_signature_outranks_what_is_said(filename: str, media_type: str | None) -> None:
    assert [kind(content, filename, media_type) for content in (PDF, DOCX, XLSX)] == [Kind.PDF, Kind.DOCX, Kind.XLSX]


@pytest.mark.parametrize(
    ("filename", "media_type", "expected"),
    [
        ("a.txt", "text/markdown; charset=utf-8", Kind.MARKDOWN),
        ("a.txt", "TEXT/HTML", Kind.HTML),
        ("a.MD", None, Kind.MARKDOWN),
        ("a.md", "text/plain", Kind.MARKDOWN),
        ("dir.pdf/a.csv", "application/octet-stream", Kind.CSV),
        ("a.csv", "application/vnd.ms-excel", Kind.CSV),
        ("a.tsv", "", Kind.CSV),
        ("a.htm", None, Kind.HTML),
        ("a", None, Kind.TEXT),
        ("README", "text/plain", Kind.TEXT),
        ("a.py", None, Kind.TEXT),
    ],
)
def test_without_one_the_media_type_decides_then_the_name(filename: str, media_type: str | None, expected: Kind) -> None:
    assert kind(b"some text", filename, media_type) is expected


@pytest.mark.parametrize("content", [HTML, b"\xef\xbb\xbf  <html lang=en>", b'<?xml version="1.0"?>\n<!-- x -->\n<HTML>'])
def test_text_that_opens_like_a_page_is_one_unless_the_name_says_otherwise(content: bytes) -> None:
    assert kind(content) is Kind.HTML
    assert kind(content, "source.txt") is Kind.TEXT


@pytest.mark.parametrize(
    ("filename", "media_type"), [("a.pdf", None), ("a.docx", None), ("a.xlsx", None), ("a.txt", DOCX_TYPE)]
)
def test_a_format_that_is_claimed_and_not_there_is_corrupt(filename: str, media_type: str | None) -> None:
    assert code(HTML, filename, media_type) == "corrupt"


def test_a_pdf_may_have_something_before_it_if_it_is_said_to_be_one() -> None:
    assert kind(b"garbage\n" + PDF, "a.pdf") is Kind.PDF
    assert kind(b"A PDF begins with %PDF-1.4.", "a.txt") is Kind.TEXT


@pytest.mark.parametrize(("signature", "name"), FOREIGN)
def test_formats_that_are_not_read_are_told_by_their_name(signature: bytes, name: str) -> None:
    with pytest.raises(Permanent, match=name) as caught:
        kind(signature + b" and the rest", "a.pdf")
    assert caught.value.code == "unsupported"


@pytest.mark.parametrize(
    "content",
    [bytes(range(256)) * 9, "no mark".encode("utf-16-le"), archive({"a": "b"}), b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 .doc"],
)
def test_bytes_of_no_format_are_unsupported(content: bytes) -> None:
    assert code(content, "a.txt") == "unsupported"


def test_a_picture_by_its_media_type_is_unsupported() -> None:
    assert code(b"<svg/>", "a.svg", "image/svg+xml") == "unsupported"


def test_a_word_template_is_unsupported_and_a_macro_workbook_is_read() -> None:
    template = changed(DOCX, "[Content_Types].xml", "document.main+xml", "template.main+xml")
    macros = changed(
        XLSX,
        "[Content_Types].xml",
        "openxmlformats-officedocument.spreadsheetml.sheet.main",
        "ms-excel.sheet.macroEnabled.main",
    )
    assert code(template, "a.docx") == "unsupported"
    assert kind(macros) is Kind.XLSX


def test_office_documents_with_a_password_are_encrypted() -> None:
    locked = bytearray(DOCX)
    for place in (at for at in range(len(locked)) if locked[at : at + 4] in (b"PK\x01\x02", b"PK\x03\x04")):
        locked[place + (8 if locked[place + 2] == 1 else 6)] |= 1
    assert code(encrypted_office(), "a.xlsx") == "encrypted"
    assert code(bytes(locked), "a.docx") == "encrypted"


@pytest.mark.parametrize("content", [DOCX[:-30], XLSX[: len(XLSX) // 2], b"PK\x03\x04"])
def test_a_torn_archive_is_corrupt(content: bytes) -> None:
    assert code(content) == "corrupt"


def test_an_archive_that_unpacks_to_more_than_the_limit_is_too_large() -> None:
    bomb = changed(DOCX, "word/document.xml", "<w:body>", "<w:body>" + " " * 2_000_000)
    assert code(bomb, limits=Limits(unpacked_bytes=1_000_000)) == "too_large"
    assert kind(bomb) is Kind.DOCX
