"""PDF: the text of each page, in the order in which the file draws it."""

from __future__ import annotations

from collections.abc import Iterator

import pypdfium2 as pdfium  # type: ignore[import-untyped]
from pypdfium2 import raw

from handlers.embed.failures import Unreadable
from handlers.embed.model import Page
from handlers.embed.text import clean

_ENCRYPTED = {raw.FPDF_ERR_PASSWORD, raw.FPDF_ERR_SECURITY}
# A scanned page often has a number or a stamp as text; a page that was written has more than that.
_SPARSE_CHARACTERS = 16
_NESTED_FORMS = 3


def read_pdf(content: bytes) -> Iterator[Page]:
    """Each page with the label that the document gives it.

    Raises Unreadable: encrypted, corrupt, and needs_ocr after the last page when there is no text at all, or pictures and
    next to no text.
    """
    document = _open(content)
    try:
        if len(document) == 0:
            raise Unreadable("corrupt", "the PDF has no pages")
        written = 0
        for index in range(len(document)):
            text = _text(document, index)
            written += len("".join(text.split()))
            yield Page(index + 1, clean(document.get_page_label(index)), text)
        if written == 0 or (written < _SPARSE_CHARACTERS * len(document) and _has_pictures(document)):
            pages = "1 page" if len(document) == 1 else f"{len(document)} pages"
            raise Unreadable("needs_ocr", f"{pages} with {written} characters of text: pictures of pages, it seems")
    finally:
        document.close()


def _open(content: bytes) -> pdfium.PdfDocument:
    try:
        return pdfium.PdfDocument(content)
    except pdfium.PdfiumError as error:
        if error.err_code in _ENCRYPTED:
            raise Unreadable("encrypted", "the PDF is protected by a password") from error
        raise


def _text(document: pdfium.PdfDocument, index: int) -> str:
    """The page's text; PDFium's mark of a word that goes on in the next line is removed, so that the word is whole."""
    try:
        page = document[index]
        textpage = page.get_textpage()
    except pdfium.PdfiumError as error:
        raise Unreadable("corrupt", f"page {index + 1} of the PDF cannot be read: {error}") from error
    try:
        return clean(textpage.get_text_range())
    finally:
        textpage.close()
        page.close()


def _has_pictures(document: pdfium.PdfDocument) -> bool:
    for index in range(len(document)):
        page = document[index]
        try:
            if any(True for _ in page.get_objects(filter=(raw.FPDF_PAGEOBJ_IMAGE,), max_depth=_NESTED_FORMS)):
                return True
        finally:
            page.close()
    return False
