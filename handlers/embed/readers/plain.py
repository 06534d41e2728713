"""Text, CSV and Markdown: kept as they are written."""

from __future__ import annotations

from collections.abc import Iterator

from handlers.embed.model import Page
from handlers.embed.text import clean, decode


def read_plain(content: bytes) -> Iterator[Page]:
    """One page."""
    yield Page(1, "", clean(decode(content)))
