"""DOCX: paragraphs and tables in the order of the text, then footnotes, endnotes, headers and footers.

The tree of each part is walked, by names without namespaces, for python-docx's paragraphs leave out content controls, text
boxes and insertions, its packages unpack every picture, and neither knows the namespaces of ISO's strict variant.
"""

from __future__ import annotations

import posixpath
import zipfile
from collections.abc import Iterator
from io import BytesIO
from typing import Any

from docx.oxml import parse_xml

from handlers.embed.failures import Unreadable
from handlers.embed.model import Page
from handlers.embed.text import clean

_MEANT = {"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}
# Properties, of which tab stops look like tabs; text that was moved away; the copy of a text box for older programs.
_LEFT_OUT = frozenset({"pPr", "rPr", "moveFrom", "Fallback"})
_MAIN = "officeDocument"
_XML_NO_MEMORY = 2  # libxml2's XML_ERR_NO_MEMORY
_BESIDES = ("footnotes", "endnotes", "header", "footer")


def read_docx(content: bytes) -> Iterator[Page]:
    """One page, for a DOCX has none until it is printed. A row of a table is a line, its cells parted by tabs."""
    with zipfile.ZipFile(BytesIO(content)) as archive:
        main = next(iter(_related(archive, "", _MAIN)), None)
        if main is None:
            raise Unreadable("corrupt", "the DOCX has no document in it")
        lines = list(_lines(_tree(archive, main)))
        besides = [part for kind in _BESIDES for part in _related(archive, main, kind)]
        beside = [line for part in besides for line in _lines(_tree(archive, part)) if line]
    yield Page(1, "", clean("\n".join([*lines, *dict.fromkeys(beside)])))  # sections mostly repeat their headers


def _related(archive: zipfile.ZipFile, part: str, kind: str) -> Iterator[str]:
    """The parts of this kind that `part`, or the archive, refers to, as far as they exist."""
    folder, name = posixpath.split(part)
    relations = posixpath.join(folder, "_rels", f"{name}.rels")
    names = set(archive.namelist())
    if relations not in names:
        return
    for relation in _tree(archive, relations).iterchildren("*"):
        target = posixpath.normpath(posixpath.join("/", folder, relation.get("Target", ""))).lstrip("/")
        if relation.get("Type", "").endswith(f"/{kind}") and target in names:
            yield target


def _tree(archive: zipfile.ZipFile, part: str) -> Any:
    """The root of a part. One that declares entities is refused: Word writes none, and text around them would be lost."""
    try:
        root = parse_xml(archive.read(part))
    except SyntaxError as error:
        if getattr(error, "code", None) == _XML_NO_MEMORY:
            raise MemoryError from error
        raise
    if root.getroottree().docinfo.internalDTD is not None:
        raise SyntaxError(f"{part} has a document type")
    return root


def _children(element: Any) -> Iterator[tuple[str, Any]]:
    """The elements within, by name, but those that hold no text of the document."""
    for child in element.iterchildren("*"):
        name = child.tag.rpartition("}")[2]
        if name not in _LEFT_OUT:
            yield name, child


def _lines(element: Any) -> Iterator[str]:
    """The lines of paragraphs and tables within `element`."""
    for name, child in _children(element):
        if name == "p":
            yield "".join(_pieces(child))
        elif name == "tbl":
            yield from _rows(child)
        else:
            yield from _lines(child)


def _rows(table: Any) -> Iterator[str]:
    for row in _within(table, "tr"):
        yield "\t".join(" ".join(filter(None, _lines(cell))) for cell in _within(row, "tc"))


def _within(element: Any, wanted: str) -> Iterator[Any]:
    """The elements of this name, through whatever wraps them, but not those inside one of them."""
    for name, child in _children(element):
        if name == wanted:
            yield child
        else:
            yield from _within(child, wanted)


def _pieces(element: Any) -> Iterator[str]:
    for name, child in _children(element):
        if name == "t":
            yield child.text or ""
        elif name in _MEANT:
            yield _MEANT[name]
        elif name == "p":  # of a text box
            yield "\n"
            yield from _pieces(child)
            yield "\n"
        else:
            yield from _pieces(child)
