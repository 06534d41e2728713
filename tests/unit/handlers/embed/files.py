"""Small documents of every format, made here."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from hashlib import md5
from io import BytesIO
from xml.sax.saxutils import escape, quoteattr

from docx import Document

PICTURE = b"q 612 0 0 792 0 0 cm BI /W 1 /H 1 /CS /G /BPC 8 ID \x80 EI Q"
_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"


def written(*lines: str) -> bytes:
    """The drawing of a PDF page of these lines."""
    shown = " ".join(f"({line}) Tj T*" for line in lines)
    return f"BT /F1 12 Tf 14 TL 72 720 Td {shown} ET".encode("cp1252")


def pdf(*drawings: bytes, trailer: str = "", labels: str = "") -> bytes:
    """A PDF of one page a drawing."""
    kids = " ".join(f"{4 + 2 * page} 0 R" for page in range(len(drawings)))
    objects = [
        f"<< /Type /Catalog /Pages 2 0 R {labels} >>".encode(),
        f"<< /Type /Pages /Kids [{kids}] /Count {len(drawings)} >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    for page, drawing in enumerate(drawings):
        place = f"/Resources << /Font << /F1 3 0 R >> >> /MediaBox [0 0 612 792] /Contents {5 + 2 * page} 0 R"
        objects.append(f"<< /Type /Page /Parent 2 0 R {place} >>".encode())
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(drawing), drawing))
    out, offsets = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, start=1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    end = f"trailer << /Size {len(objects) + 1} /Root 1 0 R {trailer} >>\nstartxref\n{len(out)}\n%%EOF\n".encode()
    return out + b"xref\n0 %d\n0000000000 65535 f \n%s%s" % (len(objects) + 1, table, end)


def encrypted_pdf() -> bytes:
    """Locked by a password that is not the empty one: nothing unlocks to the digest in U."""
    secret = f"<{'5a' * 32}>"
    lock = f"/Encrypt << /Filter /Standard /V 1 /R 2 /P -4 /O {secret} /U {secret} >> /ID [<00> <00>]"
    return pdf(written("Secret"), trailer=lock)


def restricted_pdf(line: str) -> bytes:
    """Locked by the empty password, as files are that may be read and not copied: algorithms 1, 2 and 4 of ISO 32000-1, 7.6."""
    padding = bytes.fromhex("28bf4e5e4e758a4164004e56fffa01082e2e00b6d0683e802f0ca9fe6453697a")
    owner, permissions, identity = b"O" * 32, -64, b"\0"
    key = md5(padding + owner + permissions.to_bytes(4, "little", signed=True) + identity).digest()[:5]
    drawing = rc4(md5(key + (5).to_bytes(3, "little") + bytes(2)).digest()[:10], written(line))
    digests = f"/O <{owner.hex()}> /U <{rc4(key, padding).hex()}>"
    return pdf(drawing, trailer=f"/Encrypt << /Filter /Standard /V 1 /R 2 /P {permissions} {digests} >> /ID [<00> <00>]")


def rc4(key: bytes, data: bytes) -> bytes:
    state, j, out = list(range(256)), 0, bytearray()
    for i in range(256):
        j = (j + state[i] + key[i % len(key)]) % 256
        state[i], state[j] = state[j], state[i]
    i = j = 0
    for byte in data:
        i = (i + 1) % 256
        j = (j + state[i]) % 256
        state[i], state[j] = state[j], state[i]
        out.append(byte ^ state[(state[i] + state[j]) % 256])
    return bytes(out)


def docx(*paragraphs: str, table: Sequence[Sequence[str]] = (), body: str = "", header: str = "") -> bytes:
    """A DOCX of paragraphs, a table after them, and raw XML after that."""
    document = Document()
    for paragraph in paragraphs:
        document.add_paragraph(paragraph)
    if table:
        grid = document.add_table(rows=len(table), cols=len(table[0]))
        for row, cells in zip(grid.rows, table, strict=True):
            for cell, text in zip(row.cells, cells, strict=True):
                cell.text = text
    if header:
        document.sections[0].header.paragraphs[0].text = header
    data = BytesIO()
    document.save(data)
    return data.getvalue() if not body else changed(data.getvalue(), "word/document.xml", "<w:sectPr", f"{body}<w:sectPr")


def xlsx(sheets: Mapping[str, Sequence[Sequence[str | float | bool]]]) -> bytes:
    """A workbook of inline strings, numbers and truth values."""
    numbers = range(1, len(sheets) + 1)
    listed = "".join(
        f'<sheet name={quoteattr(name)} sheetId="{n}" r:id="r{n}"/>' for n, name in zip(numbers, sheets, strict=True)
    )
    types = "".join(_part(f"/xl/worksheets/sheet{n}.xml", "spreadsheetml.worksheet+xml") for n in numbers)
    related = "".join(_relation(f"r{n}", "worksheet", f"worksheets/sheet{n}.xml") for n in numbers)
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f"{_part('/xl/workbook.xml', 'spreadsheetml.sheet.main+xml')}{types}</Types>",
        "_rels/.rels": _relations(_relation("r1", "officeDocument", "xl/workbook.xml")),
        "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>{listed}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": _relations(related),
        **{f"xl/worksheets/sheet{n}.xml": _sheet(rows) for n, rows in zip(numbers, sheets.values(), strict=True)},
    }
    return archive({name: f"{_XML}{part}" for name, part in parts.items()})


def encrypted_office() -> bytes:
    """The beginning of a compound file, and the name of the stream that holds an encrypted DOCX or XLSX."""
    return b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".ljust(1024, b"\0") + "EncryptedPackage".encode("utf-16-le").ljust(512, b"\0")


def archive(parts: Mapping[str, str | bytes]) -> bytes:
    data = BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as file:
        for name, part in parts.items():
            file.writestr(name, part)
    return data.getvalue()


def changed(content: bytes, part: str, old: str, new: str) -> bytes:
    """An archive with a piece of one part replaced, once."""
    with zipfile.ZipFile(BytesIO(content)) as file:
        parts = {name: file.read(name) for name in file.namelist()}
    assert old.encode() in parts[part]
    parts[part] = parts[part].replace(old.encode(), new.encode(), 1)
    return archive(parts)


def _part(name: str, kind: str) -> str:
    return f'<Override PartName="{name}" ContentType="application/vnd.openxmlformats-officedocument.{kind}"/>'


def _relation(name: str, kind: str, target: str) -> str:
    return f'<Relationship Id="{name}" Type="{_OFFICE}/{kind}" Target="{target}"/>'


def _relations(each: str) -> str:
    return f'<Relationships xmlns="{_PACKAGE}/relationships">{each}</Relationships>'


def _sheet(rows: Sequence[Sequence[str | float | bool]]) -> str:
    lines = "".join(f"<row>{''.join(map(_cell, row))}</row>" for row in rows)
    return f'<worksheet xmlns="{_MAIN}"><sheetData>{lines}</sheetData></worksheet>'


def _cell(value: str | float | bool) -> str:
    if isinstance(value, bool):
        return f'<c t="b"><v>{int(value)}</v></c>'
    if isinstance(value, str):
        return f'<c t="inlineStr"><is><t xml:space="preserve">{escape(value)}</t></is></c>'
    return f"<c><v>{value!r}</v></c>"
