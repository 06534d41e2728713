"""The project's Markdown files, taken apart as far as tests of the docs need it."""

from __future__ import annotations

import re
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
PLACES = ("*.md", "docs/**/*.md", "examples/**/*.md", "benchmarks/**/*.md")

_fenced = re.compile(r"^```\w*\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_indented = re.compile(r"^ {4,}\S.*$", re.MULTILINE)
_inline = re.compile(r"`([^`\n]+)`")
_link = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_heading = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)
_command = re.compile(r"(?<![\w.-])(?:make|millrace)(?: -{0,2}[A-Za-z][\w.-]*)+")


def documents() -> list[Path]:
    """Every Markdown file that people read."""
    return sorted({path for place in PLACES for path in CHECKOUT.glob(place)})


def read(name: str) -> str:
    """The file of that name, relative to the checkout."""
    return (CHECKOUT / name).read_text()


def links(text: str) -> list[str]:
    """Where links lead that stay within the project."""
    return [target for target in _link.findall(_without_blocks(text)) if not re.match(r"[a-z]+:", target)]


def anchors(text: str) -> set[str]:
    """What links to a heading call it."""
    headings = _heading.findall(_without_blocks(text))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def fenced(text: str) -> list[str]:
    """The fenced blocks of code."""
    return _fenced.findall(text)


def statements(text: str) -> list[str]:
    """The queries in SQL that stand in code, each on a line of its own."""
    code = [*fenced(text), *_indented.findall(text)]
    return [line.strip() for piece in code for line in piece.splitlines() if line.strip().startswith("select ")]


def commands(text: str) -> list[list[str]]:
    """The words of each command of make or millrace that stands in code."""
    code = [*fenced(text), *_indented.findall(text), *_inline.findall(_without_blocks(text))]
    return [found.split() for piece in code for found in _command.findall(piece)]


def section(text: str, heading: str) -> str:
    """What stands below a heading, up to the next one."""
    found = re.search(rf"^#+ {re.escape(heading)}$(.*?)(?=^#|\Z)", text, re.DOTALL | re.MULTILINE)
    assert found, f"there is no heading {heading!r}"
    return found[1]


def first_cells(text: str) -> list[str]:
    """The first cell of each row of the tables in a text, without its header, several names in a cell apart."""
    rows = re.findall(r"^\| (.+?) \|", re.sub(r"^\|.*\|\n(?=\|[-|]+\|$)", "", text, flags=re.MULTILINE), re.MULTILINE)
    return [name.strip("`") for row in rows for name in row.split(", ")]


def _without_blocks(text: str) -> str:
    return _indented.sub("", _fenced.sub("", text))
