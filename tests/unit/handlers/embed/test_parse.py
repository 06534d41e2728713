"""Whole documents: what is read, each failure code, and that nothing else comes out of damaged files."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import FrozenInstanceError
from typing import get_args

import pytest

from events.document import DocumentFailureCode
from events.failures import Failure
from handlers.embed import parse as parse_module
from handlers.embed.failures import Unreadable
from handlers.embed.kinds import Kind
from handlers.embed.model import Chunk, Limits, Parsed
from handlers.embed.parse import parse_here
from handlers.embed.parsing import ParserPool
from tests.unit.handlers.embed.files import PICTURE, changed, docx, encrypted_office, encrypted_pdf, pdf, written, xlsx

DECLARATION = '<!DOCTYPE d [<!ENTITY x SYSTEM "file:///nowhere">]>'
LONG = " ".join(f"word{number}" for number in range(3000))
FILES: dict[str, bytes] = {
    "a.pdf": pdf(written("Loan agreement", "between two parties"), written("Signed in Zurich")),
    "a.docx": docx("Minutes of the board", table=[["Item", "Vote"]]),
    "a.xlsx": xlsx({"Balance": [["Cash", 100.5]], "Notes": [["none"]]}),
    "a.html": "<!doctype html><table><tr><td>Größe<td>1</table>".encode(),
    "a.md": b"# Title\n\n- one\n- two\n",
    "a.csv": b"a,b\n1,2\n",
    "a.txt": "\ufeffPlain €".encode(),
}


def code(content: bytes, filename: str = "file", limits: Limits | None = None) -> str:
    with pytest.raises(Unreadable) as caught:
        parse_here(content, filename, None, limits)
    assert caught.value.code in get_args(DocumentFailureCode)
    return caught.value.code


def test_a_document_becomes_chunks_with_their_pages() -> None:
    parsed = parse_here(FILES["a.pdf"], "a.pdf")
    assert parsed == Parsed(
        pages=2,
        labels=["", ""],
        chunks=[
            Chunk(0, 1, 0, 34, "Loan agreement\nbetween two parties", 6),
            Chunk(1, 2, 0, 16, "Signed in Zurich", 3),
        ],
        characters=50,
    )


def test_a_workbook_has_a_page_a_sheet_and_their_names() -> None:
    parsed = parse_here(xlsx({"First": [["a"]], "x" * 200: [], "Third": [["b"]]}), "a.xlsx")
    assert (parsed.pages, parsed.labels) == (3, ["First", "x" * 100, "Third"])
    assert [(chunk.page, chunk.text) for chunk in parsed.chunks] == [(1, "First\na"), (3, "Third\nb")]


@pytest.mark.parametrize(
    "content", [b" \n\t ", b"\xef\xbb\xbf", docx(), xlsx({"Empty": []}), b"<html><script>x</script></html>"]
)
def test_a_document_without_text_has_no_chunks(content: bytes) -> None:
    assert parse_here(content, "file").chunks == []


@pytest.mark.parametrize("name", FILES)
def test_reading_twice_gives_the_same(name: str) -> None:
    assert parse_here(FILES[name], name) == parse_here(FILES[name], name)


def test_a_document_that_was_read_does_not_change() -> None:
    with pytest.raises(FrozenInstanceError):
        parse_here(b"a", "a.txt").pages = 2  # type: ignore[misc]


@pytest.mark.parametrize(
    ("drawings", "needs_ocr"),
    [
        ([PICTURE], True),
        ([b""], True),
        ([PICTURE + written("ABC-0001"), PICTURE + written("ABC-0002")], True),
        ([written("Approved.")], False),
        ([PICTURE, PICTURE + written("a page with text enough for both of them together")], False),
    ],
    ids=["picture", "blank", "stamped pictures", "short text", "mixed"],
)
def test_a_pdf_of_pictures_needs_ocr(drawings: list[bytes], needs_ocr: bool) -> None:
    if needs_ocr:
        assert code(pdf(*drawings)) == "needs_ocr"
    else:
        assert parse_here(pdf(*drawings), "a.pdf").chunks


def test_documents_with_a_password_are_encrypted() -> None:
    assert code(encrypted_pdf()) == code(encrypted_office(), "a.docx") == code(encrypted_office(), "a.xlsx") == "encrypted"


@pytest.mark.parametrize(
    ("content", "limits"),
    [
        (b"12345", Limits(content_bytes=4)),
        (pdf(*[written("a page with some text on it")] * 3), Limits(pages=2)),
        (b"<p>" + b"x" * 101, Limits(characters=100)),
        (LONG.encode(), Limits(chunks=2)),
        (docx(), Limits(unpacked_bytes=100)),
    ],
    ids=["bytes", "pages", "characters", "chunks", "unpacked"],
)
def test_what_passes_a_limit_is_too_large(content: bytes, limits: Limits) -> None:
    assert code(content, limits=limits) == "too_large"
    parse_here(content, "file")


def test_the_limits_themselves_are_allowed() -> None:
    chunks = parse_here(LONG.encode(), "a.txt").chunks
    limits = Limits(content_bytes=len(LONG), pages=1, characters=len(LONG), chunks=len(chunks))
    assert parse_here(LONG.encode(), "a.txt", None, limits).chunks == chunks
    assert code(LONG.encode(), "a.txt", Limits(chunks=len(chunks) - 1)) == "too_large"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"%PDF-1.7 and nothing else",
        pdf(),
        FILES["a.pdf"][:200],
        changed(FILES["a.docx"], "word/document.xml", "<w:body>", "<w:body><"),
        changed(FILES["a.xlsx"], "xl/workbook.xml", "<sheets>", "<sheets"),
        changed(FILES["a.xlsx"], "xl/_rels/workbook.xml.rels", "sheet1.xml", "nowhere.xml"),
    ],
    ids=["empty", "header alone", "no pages", "torn", "docx xml", "xlsx xml", "missing sheet"],
)
def test_a_damaged_document_is_corrupt(content: bytes) -> None:
    assert code(content) == "corrupt"


@pytest.mark.parametrize(("content", "name"), [(b"\x89PNG\r\n\x1a\n", "a.pdf"), (bytes(100), "a.txt")])
def test_what_is_not_read_is_unsupported(content: bytes, name: str) -> None:
    assert code(content, name) == "unsupported"


class Panic(BaseException):
    """As pyo3 raises when a library written in Rust panics."""


@pytest.mark.parametrize(
    ("error", "expected"), [(Panic("no"), "corrupt"), (MemoryError(), "too_large"), (RecursionError(), "corrupt")]
)
def test_whatever_a_reader_raises_is_a_failure(monkeypatch: pytest.MonkeyPatch, error: BaseException, expected: str) -> None:
    def read(content: bytes) -> None:
        raise error

    monkeypatch.setattr(parse_module, "READERS", {Kind.TEXT: read})
    assert code(b"text", "a.txt") == expected


def damage(content: bytes, chance: random.Random) -> bytes:
    """The file torn, with bits turned, or with a piece of it doubled or gone."""
    at, to = sorted(chance.randrange(len(content)) for _ in range(2))
    harm: Callable[[], bytes] = chance.choice(
        [
            lambda: content[: at + 1],
            lambda: content[at:],
            lambda: content[:at] + content[to:],
            lambda: content[:to] + content[at:],
            lambda: _turned(content, chance),
        ]
    )
    return harm() or b"\0"


def _turned(content: bytes, chance: random.Random) -> bytes:
    data = bytearray(content)
    for _ in range(chance.randint(1, 30)):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return bytes(data)


@pytest.mark.parametrize("name", FILES)
async def test_damaged_files_are_read_or_fail_and_nothing_else(name: str) -> None:
    chance = random.Random(name)  # a seed, so that a failure can be seen again
    limits = Limits(cpu_seconds=30, seconds=240)
    codes: set[str] = set()
    async with ParserPool(1) as pool:
        for _ in range(150):
            content = damage(FILES[name], chance)
            try:
                parsed = await pool.parse(content, name, None, limits)
            except Failure as failure:
                codes.add(failure.code)
            else:
                assert all(chunk.text.strip() and "\0" not in chunk.text for chunk in parsed.chunks)
    assert codes <= set(get_args(DocumentFailureCode))


def test_a_word_document_that_declares_entities_is_corrupt_because_text_would_be_lost() -> None:
    declared = changed(docx("before and after"), "word/document.xml", "<w:document", f"{DECLARATION}<w:document")
    assert code(changed(declared, "word/document.xml", " and ", " &x; "), "a.docx") == "corrupt"
