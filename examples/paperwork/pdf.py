"""PDF files by hand: pages of text or of one picture, the same bytes every time. ISO 32000-1."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

WIDTH, HEIGHT, MARGIN = 612, 792, 72
BODY, LEADING = 11.0, 15.0
# Advance widths of Helvetica for the characters from space to tilde, in thousandths of the font's size.
_ADVANCES = (
    *(278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278),
    *(556, 556, 556, 556, 556, 556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556),
    *(1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833, 722, 778),
    *(667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556),
    *(333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556),
    *(556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584),
)

# Enciphers the bytes of the stream in the object of that number.
Cipher = Callable[[int, bytes], bytes]


@dataclass(frozen=True)
class Line:
    """A line of text: its font (F1 plain, F2 bold), its size, and the space it takes downwards."""

    text: str
    font: str = "F1"
    size: float = BODY
    space: float = LEADING


def pages_of(text: str, footer: str) -> list[bytes]:
    """The drawings of the pages that `text` fills: blocks parted by blank lines, `#` a title, `##` a heading.

    A heading stays with the first lines of what follows it. Each page ends with the footer and its number.
    """
    pages: list[list[Line]] = [[]]
    room = HEIGHT - 2 * MARGIN
    left = float(room)
    for block in text.strip().split("\n\n"):
        lines = list(_set(block))
        needed = sum(line.space for line in lines) + (3 * LEADING if block.startswith("#") else 0)
        if needed > left:
            pages.append([])
            left = room
        pages[-1] += lines
        left -= sum(line.space for line in lines)
    return [_drawing(lines, f"{footer}  |  Page {number} of {len(pages)}") for number, lines in enumerate(pages, 1)]


def _set(block: str) -> Iterator[Line]:
    """The lines of one block, the last with the space below it."""
    words = " ".join(block.split())
    if block.startswith("# "):
        yield Line(words[2:], "F2", 16.0, 30.0)
    elif block.startswith("## "):
        yield Line(words[3:], "F2", BODY, 18.0)
    else:
        *lines, last = _wrapped(words)
        yield from (Line(line) for line in lines)
        yield Line(last, space=LEADING + 7)


def _wrapped(text: str) -> Iterator[str]:
    line = ""
    for word in text.split():
        longer = f"{line} {word}".lstrip()
        if _width(longer) > WIDTH - 2 * MARGIN:
            yield line
            longer = word
        line = longer
    yield line


def _width(text: str) -> float:
    return sum(_ADVANCES[ord(char) - 32] for char in text) * BODY / 1000


def _drawing(lines: Sequence[Line], footer: str) -> bytes:
    shown = [f"BT 1 0 0 1 {MARGIN} {HEIGHT - MARGIN} Tm"]
    shown += [f"/{line.font} {line.size:g} Tf {_string(line.text)} Tj 0 -{line.space:g} Td" for line in lines]
    shown.append(f"ET BT /F1 8 Tf 1 0 0 1 {MARGIN} {MARGIN // 2} Tm {_string(footer)} Tj ET")
    return "\n".join(shown).encode("ascii")


def _string(text: str) -> str:
    return "({})".format(text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)"))


@dataclass(frozen=True)
class Picture:
    """A picture of one bit a pixel, 1 is white; its rows begin at whole bytes."""

    width: int
    height: int
    rows: bytes


def pdf(drawings: Sequence[bytes], picture: Picture | None = None, cipher: Cipher | None = None, lock: str = "") -> bytes:
    """A PDF of one page a drawing; `picture` can be drawn as /P, `lock` is what the trailer says of the `cipher`."""
    first = 6 if picture else 5
    kids = " ".join(f"{first + 2 * page} 0 R" for page in range(len(drawings)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(drawings)} >>".encode(),
        *(_font(name) for name in ("Helvetica", "Helvetica-Bold")),
        *([_image(picture)] if picture else []),
    ]
    resources = "/Font << /F1 3 0 R /F2 4 0 R >>" + (" /XObject << /P 5 0 R >>" if picture else "")
    for drawing in drawings:
        contents = len(objects) + 2
        place = f"/MediaBox [0 0 {WIDTH} {HEIGHT}] /Resources << {resources} >> /Contents {contents} 0 R"
        objects.append(f"<< /Type /Page /Parent 2 0 R {place} >>".encode())
        objects.append(_stream("", cipher(contents, drawing) if cipher else drawing))
    return _file(objects, lock)


def _font(name: str) -> bytes:
    return f"<< /Type /Font /Subtype /Type1 /BaseFont /{name} /Encoding /WinAnsiEncoding >>".encode()


def _image(picture: Picture) -> bytes:
    size = f"/Width {picture.width} /Height {picture.height}"
    return _stream(f"/Type /XObject /Subtype /Image {size} /ColorSpace /DeviceGray /BitsPerComponent 1 ", picture.rows)


def _stream(entries: str, content: bytes) -> bytes:
    return b"<< %s/Length %d >>\nstream\n%s\nendstream" % (entries.encode(), len(content), content)


def _file(objects: Sequence[bytes], lock: str) -> bytes:
    out, places = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    end = f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R{lock} >>\nstartxref\n{len(out)}\n%%EOF\n".encode()
    return out + b"xref\n0 %d\n0000000000 65535 f \n%s%s" % (len(objects) + 1, table, end)
