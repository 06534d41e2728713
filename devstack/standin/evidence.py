"""The evidence in a prompt: fenced chunks, however they are written.

A chunk is an element that has an id, in the user's part of the input:

    <chunk id="0197…" document="loan.pdf" page="3">text</chunk>

The element may be called chunk, evidence, passage, excerpt or source, with anything attached to the name
(`<chunk-7f3a id=…>…</chunk-7f3a>`); the attributes may be written `chunk_id`, `document_id`, with single quotes or none, in any
order, and others may be among them. Or a chunk is a line that is a JSON object with `chunk_id` and `text` or `content`.
Text is taken as it stands: nothing is unescaped.
"""

import json
import re
from dataclasses import dataclass
from typing import Any

ELEMENT = re.compile(
    r"<(?P<tag>(?:chunk|evidence|passage|excerpt|source)[\w.:-]*)(?P<attributes>\s[^<>]*?\b(?:chunk[_-]?)?id\s*=[^<>]*)>"
    r"(?P<text>.*?)</(?P=tag)\s*>",
    re.DOTALL | re.IGNORECASE,
)
ATTRIBUTE = re.compile(r"([\w-]+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]+))")
JSON_LINE = re.compile(r"^\s*(\{.*\"chunk_id\".*\})\s*,?\s*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Chunk:
    """One piece of evidence; `document` and `page` are empty where the prompt does not tell."""

    id: str
    document: str
    page: str
    text: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """The chunks of a prompt in their order, and the rest of it: what is asked about them."""

    chunks: list[Chunk]
    question: str


def read(prompt: str) -> Evidence:
    """Take a prompt apart."""
    chunks = [_element(match) for match in ELEMENT.finditer(prompt)]
    rest = ELEMENT.sub(" ", prompt)
    lines = [(match.group(0), _line(match.group(1))) for match in JSON_LINE.finditer(rest)]
    for written, chunk in lines:
        if chunk is not None:
            chunks.append(chunk)
            rest = rest.replace(written, " ")
    return Evidence(chunks, re.sub(r"<[^<>]*>", " ", rest))


def _element(match: re.Match[str]) -> Chunk:
    found = {name: double or single or bare for name, double, single, bare in ATTRIBUTE.findall(match["attributes"])}
    return _chunk(found, match["text"])


def _line(written: str) -> Chunk | None:
    try:
        found = json.loads(written)
    except ValueError:
        return None
    return _chunk(found, str(found.get("text") or found.get("content") or ""))


def _chunk(found: dict[str, Any], text: str) -> Chunk:
    def first(*names: str) -> str:
        return next((str(found[name]) for name in names if found.get(name) is not None), "")

    return Chunk(
        first("chunk_id", "chunk-id", "chunkid", "id"),
        first("document_id", "document-id", "document", "filename"),
        first("page", "page_number", "sheet"),
        text.strip(),
    )
