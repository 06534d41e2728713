"""Every format to text."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from handlers.embed.kinds import Kind
from handlers.embed.model import Page
from handlers.embed.readers import READERS
from tests.unit.handlers.embed.files import PICTURE, changed, docx, pdf, restricted_pdf, written, xlsx

RUN = "<w:r><w:t>{}</w:t></w:r>"
W = "<w:p><w:r><w:t>{}</w:t></w:r></w:p>"
BOX = "<w:txbxContent><w:p><w:r><w:t>{}</w:t></w:r></w:p></w:txbxContent>"
MC = 'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"'
BOXES = (
    f"<mc:AlternateContent {MC}><mc:Choice>{BOX.format('box')}</mc:Choice>"
    f"<mc:Fallback>{BOX.format('box')}</mc:Fallback></mc:AlternateContent>"
)


def pages(kind: Kind, content: bytes) -> list[Page]:
    return list(READERS[kind](content))


def text(kind: Kind, content: bytes) -> str:
    (page,) = pages(kind, content)
    assert (page.number, page.label) == (1, "")
    return page.text


def html(body: str) -> str:
    return text(Kind.HTML, body.encode())


def test_every_kind_has_a_reader() -> None:
    assert set(READERS) == set(Kind)


def test_a_pdf_gives_the_lines_of_each_page() -> None:
    assert pages(Kind.PDF, pdf(written("Caf\xe9", "second line"), b"", written("last"))) == [
        Page(1, "", "Caf\xe9\nsecond line"),
        Page(2, "", ""),
        Page(3, "", "last"),
    ]


def test_a_pdf_page_has_the_label_the_document_gives_it() -> None:
    labels = "/PageLabels << /Nums [0 << /S /r >> 2 << /S /D /P (A-) >>] >>"
    found = pages(Kind.PDF, pdf(*(written(f"a page with some text {n}") for n in range(3)), labels=labels))
    assert [page.label for page in found] == ["i", "ii", "A-1"]


def test_a_word_that_a_pdf_parts_at_the_end_of_a_line_is_whole() -> None:
    (page,) = pages(Kind.PDF, pdf(written("an agree-", "ment of both")))
    assert page.text == "an agreement of both"


def test_a_pdf_that_only_restricts_what_may_be_done_with_it_is_read() -> None:
    assert text(Kind.PDF, restricted_pdf("May be read by all")) == "May be read by all"


def test_a_pdf_page_of_text_may_hold_a_picture() -> None:
    (page,) = pages(Kind.PDF, pdf(PICTURE + written("enough text to be a page that was written")))
    assert page.text.startswith("enough")


def test_a_docx_gives_paragraphs_and_tables_in_their_order() -> None:
    content = docx("First.", "Second.", table=[["Item", "Amount"], ["Fee", "100"]], body=W.format("Third."), header="Draft")
    assert text(Kind.DOCX, content) == "First.\nSecond.\nItem\tAmount\nFee\t100\nThird.\nDraft"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("<w:sdt><w:sdtContent>" + W.format("control") + "</w:sdtContent></w:sdt>", "control"),
        (f"<w:p><w:ins>{RUN.format('new')}</w:ins><w:del><w:r><w:delText>old</w:delText></w:r></w:del></w:p>", "new"),
        (f"<w:p><w:moveFrom>{RUN.format('gone')}</w:moveFrom><w:moveTo>{RUN.format('here')}</w:moveTo></w:p>", "here"),
        (f"<w:p><w:hyperlink>{RUN.format('link')}</w:hyperlink></w:p>", "link"),
        ("<w:p><w:pPr><w:tabs><w:tab/></w:tabs></w:pPr><w:r><w:t>a</w:t><w:tab/><w:t>b</w:t></w:r></w:p>", "a\tb"),
        ("<w:p><w:r><w:t>a</w:t><w:br/><w:t>b</w:t><w:noBreakHyphen/><w:t>c</w:t></w:r></w:p>", "a\nb-c"),
        (f"<w:p><w:r><w:t>x</w:t>{BOXES}</w:r></w:p>", "x\nbox\n"),
    ],
    ids=["content control", "insertion", "move", "link", "tabs", "breaks", "text box"],
)
def test_a_docx_is_read_where_word_hides_text(body: str, expected: str) -> None:
    assert text(Kind.DOCX, docx(body=body)) == expected


def test_a_docx_of_the_strict_variant_is_read() -> None:
    transitional, strict = "http://schemas.openxmlformats.org/wordprocessingml/2006/main", "http://purl.oclc.org/ooxml/w"
    assert text(Kind.DOCX, changed(docx("strict"), "word/document.xml", transitional, strict)) == "strict"


def test_a_docx_may_refer_to_parts_that_are_not_there() -> None:
    assert text(Kind.DOCX, changed(docx("text", header="x"), "word/_rels/document.xml.rels", "header1.xml", "NULL")) == "text"


def test_a_table_within_a_cell_stays_in_its_row() -> None:
    cell = "<w:tc>{}</w:tc>"
    inner = "<w:tbl><w:tr>" + cell.format(W.format("in")) + cell.format(W.format("ner")) + "</w:tr></w:tbl>"
    outer = "<w:tbl><w:tr>" + cell.format(W.format("a") + inner + W.format("")) + cell.format(W.format("b")) + "</w:tr></w:tbl>"
    assert text(Kind.DOCX, docx(body=outer)) == "a in\tner\tb"


def test_an_xlsx_gives_a_page_for_each_sheet_with_its_name() -> None:
    content = xlsx(
        {
            "Trial balance": [["Account", "Debit"], ["Cash", 1200.0], ["", ""], ["Rate\nof\tinterest", 0.1 + 0.2], [True, ""]],
            "Empty": [],
            "Big & small": [[1e300, -5.0], ["", 12345678901234.0]],
        }
    )
    assert pages(Kind.XLSX, content) == [
        Page(1, "Trial balance", "Trial balance\nAccount\tDebit\nCash\t1200\nRate of interest\t0.3\nTRUE"),
        Page(2, "Empty", ""),
        Page(3, "Big & small", "Big & small\n1e+300\t-5\n\t12345678901234"),
    ]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            "<title>T</title><h1>Head</h1><p>One <b>b</b>old\nword</p>text<p>Two<br>lines",
            "T\nHead\nOne bold word\ntext\nTwo\nlines",
        ),
        ("<table><tr><th>a</th><th> b </th></tr>\n<tr><td>1</td> <td>2 <i>x</i></td></tr></table>", "a\tb\n1\t2 x"),
        ("<table><tr><td></td><td>1</td></tr></table>", "1"),
        ("<ul><li>one<li>two</ul>", "one\ntwo"),
        ("<pre>a  b\nc<b>d\ne</b></pre>after", "a b\ncd\ne\nafter"),
        ("<script>no</script>yes<style>no</style><template>no</template><noscript>no</noscript>", "yes"),
        ("<ix:header><ix:hidden><p>no</p><script>no</script></ix:hidden></ix:header><ix:nonFraction>5</ix:nonFraction>", "5"),
        ("<div>a<div>b</div><!-- no --></div>&amp;&nbsp;&eacute;", "a\nb\n&\xa0é"),
        ("", ""),
        ("a\x1e\x1fb&#30;", "ab"),
    ],
)
def test_html_gives_what_a_browser_shows(body: str, expected: str) -> None:
    assert html(body) == expected


@pytest.mark.parametrize("kind", [Kind.TEXT, Kind.CSV, Kind.MARKDOWN])
def test_text_csv_and_markdown_stay_as_they_are(kind: Kind) -> None:
    assert text(kind, b'# Title\r\n\r\n"a;b",2\tc\0\n') == '# Title\n\n"a;b",2\tc\n'


NUL_BEARING: list[tuple[Kind, Callable[[], bytes]]] = [
    (Kind.TEXT, lambda: b"a\0b"),
    (Kind.HTML, lambda: b"<p>a\0b"),
    (Kind.PDF, lambda: pdf(written("a\\000b"))),
]


@pytest.mark.parametrize(("kind", "write"), NUL_BEARING)
def test_no_nul_comes_through(kind: Kind, write: Callable[[], bytes]) -> None:
    assert "\0" not in text(kind, write())
