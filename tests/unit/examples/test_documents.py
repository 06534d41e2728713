from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pypdfium2 as pdfium
import pytest

from devstack.standin.evidence import Chunk, Evidence
from devstack.standin.findings import find
from handlers.embed.failures import Unreadable
from handlers.embed.parse import parse_here

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
DOCUMENTS = EXAMPLES / "documents"
READABLE = {
    "loan-agreement.pdf": 4,
    "trial-balance.xlsx": 2,
    "board-minutes.docx": 1,
    "sales-ledger.csv": 1,
    "receivables.html": 1,
    "related-parties.md": 1,
    "engagement.txt": 1,
}


@pytest.fixture
def company(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.syspath_prepend(str(EXAMPLES))
    yield import_module("paperwork.company")
    for name in [name for name in sys.modules if name.partition(".")[0] == "paperwork"]:
        del sys.modules[name]


def text_of(name: str) -> str:
    return "\n".join(chunk.text for chunk in parse_here((DOCUMENTS / name).read_bytes(), name).chunks)


def test_the_files_are_what_the_script_makes_of_them(tmp_path: Path) -> None:
    made = subprocess.run(
        [sys.executable, EXAMPLES / "make_documents.py", tmp_path], capture_output=True, text=True, check=False
    )
    assert made.returncode == 0, made.stderr
    checked_in = {path.name: path.read_bytes() for path in DOCUMENTS.iterdir()}
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == checked_in
    assert sum(map(len, checked_in.values())) < 300_000


@pytest.mark.parametrize(("name", "pages"), READABLE.items())
def test_a_readable_document_has_its_pages_and_text_on_each(name: str, pages: int) -> None:
    parsed = parse_here((DOCUMENTS / name).read_bytes(), name)
    assert parsed.pages == pages
    assert {chunk.page for chunk in parsed.chunks} == set(range(1, pages + 1))


@pytest.mark.parametrize(("name", "code"), [("directors-pay.pdf", "encrypted"), ("delivery-scan.pdf", "needs_ocr")])
def test_the_others_cannot_be_read(name: str, code: str) -> None:
    with pytest.raises(Unreadable) as caught:
        parse_here((DOCUMENTS / name).read_bytes(), name)
    assert caught.value.code == code


def test_the_password_opens_the_encrypted_document_and_the_scan_is_a_picture() -> None:
    pay = pdfium.PdfDocument(DOCUMENTS / "directors-pay.pdf", password="quillmere")
    scan = pdfium.PdfDocument(DOCUMENTS / "delivery-scan.pdf")
    try:
        page = pay[0].get_textpage()
        assert "Pay of the directors" in page.get_text_range()
        assert len(list(scan[0].get_objects())) == 1
    finally:
        pay.close()
        scan.close()


def test_the_signed_agreement_is_a_copy_of_the_other() -> None:
    assert (DOCUMENTS / "loan-signed.pdf").read_bytes() == (DOCUMENTS / "loan-agreement.pdf").read_bytes()


def test_the_books_agree_but_for_the_invoice_that_was_posted_twice(company: Any) -> None:
    numbers = [invoice.number for invoice in company.INVOICES]
    twice = {invoice.number: invoice.amount for invoice in company.INVOICES if numbers.count(invoice.number) > 1}
    assert sum(amount for _, _, amount in company.ACCOUNTS) == 0
    assert {company.RECEIVABLES - company.AGED_TOTAL} == set(twice.values())
    assert [invoice.number for invoice in company.OPEN if invoice.days_late] == [company.OVERDUE.number]
    assert company.ebitda() / company.LOAN.interest == company.COVER_FOUND < company.LOAN.cover
    assert f"1 October 2025: USD {company.LOAN.outstanding:,}" in text_of("loan-agreement.pdf")


def test_the_keywords_of_the_stand_in_find_what_is_wrong_on_purpose() -> None:
    chunks = [
        Chunk(f"{name}/{chunk.ordinal}", name, str(chunk.page), chunk.text)
        for name in READABLE
        for chunk in parse_here((DOCUMENTS / name).read_bytes(), name).chunks
    ]
    found = {
        finding.title: {citation.chunk.document for citation in finding.citations} for finding in find(Evidence(chunks, ""))
    }
    assert found == {
        "Going concern in doubt": {"board-minutes.docx"},
        "Covenant breached": {"loan-agreement.pdf", "board-minutes.docx"},
        "Amounts overdue": {"board-minutes.docx", "sales-ledger.csv"},
        "Records disagree": {"trial-balance.xlsx"},
        "Duplicate entry": {"receivables.html"},
        "Related parties": {"related-parties.md"},
        "Approval missing": {"related-parties.md"},
        "Dispute": {"board-minutes.docx"},
        "Security given": {"loan-agreement.pdf", "related-parties.md"},
        "Term ended": {"related-parties.md"},
    }
