"""How many tokens an answer says it took: read on its own, because it was paid for whatever else is wrong with the body."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson

from handlers.llm.model import Usage

# Far beyond what any model reads or writes in one call, and within what the tables hold.
MOST_TOKENS: Final = 10_000_000


def usage_of(body: bytes) -> tuple[Usage, bool]:
    """The tokens of an answer of either endpoint, and whether all that is there is a count; what is none is 0."""
    told = _mapping(_mapping(_parsed(body)).get("usage"))
    reads = told.get("input_tokens", told.get("prompt_tokens"))
    cached = _mapping(told.get("input_tokens_details")).get("cached_tokens")
    counts = [_count(each) for each in (reads, cached, told.get("output_tokens"))]
    read, cached_read, written = (count or 0 for count in counts)
    return Usage(read, min(cached_read, read), written), reads is not None and None not in counts


def _parsed(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None


def _mapping(told: Any) -> Mapping[str, Any]:
    return told if isinstance(told, dict) else {}


def _count(told: Any) -> int | None:
    """A count of tokens; nothing told is none; None is what cannot be one."""
    if told is None:
        return 0
    is_number = isinstance(told, int | float) and not isinstance(told, bool)
    return int(told) if is_number and 0 <= told <= MOST_TOKENS and told == int(told) else None
