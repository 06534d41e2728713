"""HTML: the text that a browser would show, in lines."""

from __future__ import annotations

import re
from collections.abc import Iterator

from selectolax.lexbor import LexborHTMLParser

from handlers.embed.model import Page
from handlers.embed.text import clean, decode

# `ix:header` holds the hidden facts of an inline XBRL report: they are no text of the page.
_LEFT_OUT = "script, style, noscript, template, ix\\:header"
_BLOCKS = (
    "address, article, aside, blockquote, br, caption, dd, details, div, dl, dt, fieldset, figcaption, figure, footer, form, "
    "h1, h2, h3, h4, h5, h6, header, hr, legend, li, main, nav, ol, option, p, pre, section, summary, table, title, tr, ul"
)
# Control characters stand for the breaks that elements make, apart from the white space of the source.
_LINE, _CELL = "\x1e", "\x1f"
_marks = re.compile(f"[{_LINE}{_CELL}]")
_spaces = re.compile("[ \t\r\n\f]+")
_around_breaks = re.compile(f" ?([{_LINE}{_CELL}]) ?")
_cells_at_ends = re.compile(f"{_CELL}+(?={_LINE}|$)|(?<={_LINE}){_CELL}+")
_many_lines = re.compile(f"{_LINE}{{2,}}")


def read_html(content: bytes) -> Iterator[Page]:
    """One page. Blocks begin a line, the cells of a table are parted by tabs, white space counts in `pre` alone."""
    tree = LexborHTMLParser(_marks.sub("", decode(content, declares=True)))
    for node in reversed(tree.css(_LEFT_OUT)):  # inner ones before those that hold them
        node.decompose()
    for node in tree.css("pre"):
        for inner in list(node.traverse(include_text=True)):
            if inner.tag == "-text" and "\n" in (text := inner.text_content or ""):
                inner.replace_with(text.replace("\n", _LINE))
    for node in tree.css(_BLOCKS):
        node.insert_before(_LINE)
        node.insert_after(_LINE)
    for node in tree.css("td, th"):
        node.insert_after(_CELL)
    yield Page(1, "", _in_lines(tree.root.text(deep=True) if tree.root else ""))


def _in_lines(text: str) -> str:
    text = _around_breaks.sub(r"\1", _spaces.sub(" ", text))
    text = _many_lines.sub(_LINE, _cells_at_ends.sub("", text))
    return clean(text.replace(_LINE, "\n").replace(_CELL, "\t")).strip()
