"""DOCX and XLSX by hand: archives of XML, the same bytes every time, since nothing in them is compressed or dated."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Mapping, Sequence
from io import BytesIO
from xml.sax.saxutils import escape, quoteattr

Cell = str | float
Rows = Sequence[Sequence[Cell]]

_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_SCHEMAS = "http://schemas.openxmlformats.org"
_OFFICE = f"{_SCHEMAS}/officeDocument/2006/relationships"
_EARLIEST = (1980, 1, 1, 0, 0, 0)
_HEADINGS = {"# ": ("Title", "Title", 32), "## ": ("Heading1", "heading 1", 24)}


def docx(text: str) -> bytes:
    """A document of blocks parted by blank lines: `#` the title, `##` a heading, lines of `| cell | cell |` a table."""
    body = "".join(_table(block) if block.startswith("|") else _paragraph(block) for block in text.strip().split("\n\n"))
    styles = "".join(
        f'<w:style w:type="paragraph" w:styleId="{style}"><w:name w:val="{name}"/>'
        f'<w:pPr><w:spacing w:before="240" w:after="120"/></w:pPr><w:rPr><w:b/><w:sz w:val="{size}"/></w:rPr></w:style>'
        for style, name, size in _HEADINGS.values()
    )
    main = f'xmlns:w="{_SCHEMAS}/wordprocessingml/2006/main"'
    return _package(
        "wordprocessingml.document.main",
        "word/document.xml",
        {
            "word/document.xml": f"<w:document {main}><w:body>{body}<w:sectPr/></w:body></w:document>",
            "word/styles.xml": f"<w:styles {main}>{styles}</w:styles>",
        },
        {"word/styles.xml": ("wordprocessingml.styles", "styles")},
    )


def xlsx(sheets: Mapping[str, Rows]) -> bytes:
    """A workbook of these sheets, of text and numbers."""
    names = [f"xl/worksheets/sheet{number}.xml" for number in range(1, len(sheets) + 1)]
    listed = "".join(f'<sheet name={quoteattr(name)} sheetId="{n}" r:id="r{n}"/>' for n, name in enumerate(sheets, 1))
    main = f'xmlns="{_SCHEMAS}/spreadsheetml/2006/main"'
    return _package(
        "spreadsheetml.sheet.main",
        "xl/workbook.xml",
        {"xl/workbook.xml": f'<workbook {main} xmlns:r="{_OFFICE}"><sheets>{listed}</sheets></workbook>'}
        | {name: _sheet(main, rows) for name, rows in zip(names, sheets.values(), strict=True)},
        dict.fromkeys(names, ("spreadsheetml.worksheet", "worksheet")),
    )


def _paragraph(block: str) -> str:
    marks = next((mark for mark in _HEADINGS if block.startswith(mark)), "")
    style = f'<w:pPr><w:pStyle w:val="{_HEADINGS[marks][0]}"/></w:pPr>' if marks else ""
    return f'<w:p>{style}<w:r><w:t xml:space="preserve">{escape(" ".join(block[len(marks) :].split()))}</w:t></w:r></w:p>'


def _table(block: str) -> str:
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in block.splitlines()]
    sides = "".join(f'<w:{side} w:val="single" w:sz="4"/>' for side in ("top", "left", "bottom", "right", "insideH", "insideV"))
    lines = "".join(f"<w:tr>{''.join(f'<w:tc><w:tcPr/>{_paragraph(cell)}</w:tc>' for cell in row)}</w:tr>" for row in rows)
    grid = "<w:gridCol/>" * len(rows[0])
    return f"<w:tbl><w:tblPr><w:tblBorders>{sides}</w:tblBorders></w:tblPr><w:tblGrid>{grid}</w:tblGrid>{lines}</w:tbl><w:p/>"


def _sheet(main: str, rows: Rows) -> str:
    lines = "".join(f"<row>{''.join(map(_cell, row))}</row>" for row in rows)
    return f"<worksheet {main}><sheetData>{lines}</sheetData></worksheet>"


def _cell(value: Cell) -> str:
    if isinstance(value, str):
        return f'<c t="inlineStr"><is><t xml:space="preserve">{escape(value)}</t></is></c>'
    return f"<c><v>{value!r}</v></c>"


def _package(kind: str, main: str, parts: Mapping[str, str], others: Mapping[str, tuple[str, str]]) -> bytes:
    """An archive of parts around the `main` one; `others` has the content type of each other part and how it is related."""
    folder, _, name = main.rpartition("/")
    related = [
        _relation(number, how, part.removeprefix(f"{folder}/")) for number, (part, (_, how)) in enumerate(others.items(), 1)
    ]
    types = [_override(main, kind), *(_override(part, kind) for part, (kind, _) in others.items())]
    rels = '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    whole = {
        "[Content_Types].xml": f'<Types xmlns="{_SCHEMAS}/package/2006/content-types">{rels}{"".join(types)}</Types>',
        "_rels/.rels": _relations([_relation(1, "officeDocument", main)]),
        f"{folder}/_rels/{name}.rels": _relations(related),
        **parts,
    }
    data = BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_STORED) as archive:
        for part, xml in whole.items():
            entry = zipfile.ZipInfo(part, _EARLIEST)
            entry.create_system = 3  # Unix, wherever this runs
            archive.writestr(entry, _XML + xml)
    return data.getvalue()


def _override(part: str, kind: str) -> str:
    return f'<Override PartName="/{part}" ContentType="application/vnd.openxmlformats-officedocument.{kind}+xml"/>'


def _relation(number: int, how: str, target: str) -> str:
    return f'<Relationship Id="r{number}" Type="{_OFFICE}/{how}" Target="{target}"/>'


def _relations(each: Iterable[str]) -> str:
    return f'<Relationships xmlns="{_SCHEMAS}/package/2006/relationships">{"".join(each)}</Relationships>'
