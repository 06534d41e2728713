"""What a piece of text must look like to be an id, a client, a time or a message."""

from __future__ import annotations

import re
from datetime import datetime
from functools import lru_cache
from typing import Annotated

from pydantic import AfterValidator, StringConstraints, WithJsonSchema

IDENTIFIER_LENGTH = 256
MESSAGE_LENGTH = 500

_CLIENT_ID = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
_TIMESTAMP = r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})"
_is_client_id = re.compile(_CLIENT_ID).fullmatch
_is_timestamp = re.compile(_TIMESTAMP).fullmatch


def is_identifier(text: str) -> bool:
    """Whether text is 1 to 256 printable characters.

    Printable is what `str.isprintable` says: no control, format, private or unassigned character, no lone surrogate,
    and no separator but the space.
    """
    return 0 < len(text) <= IDENTIFIER_LENGTH and text.isprintable()


@lru_cache(4096)  # the same few clients again and again
def is_client_id(text: str) -> bool:
    """Whether text is a letter or digit and up to 63 more letters, digits, dots, underscores or hyphens."""
    return _is_client_id(text) is not None


def is_timestamp(text: str) -> bool:
    """Whether text is an RFC 3339 time that `datetime` can hold (so no leap second)."""
    if _is_timestamp(text) is None:
        return False
    try:
        datetime.fromisoformat(text.upper())
    except ValueError:
        return False
    return True


def printable(text: str, limit: int = MESSAGE_LENGTH) -> str:
    """`text` with whatever is not printable escaped, at most `limit` characters long; an ellipsis marks a cut."""
    if len(text) <= limit and text.isprintable():
        return text
    escaped = "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text[: limit + 1]
    )
    return escaped if len(escaped) <= limit else escaped[: limit - 1] + "…"


def _identifier(text: str) -> str:
    if not is_identifier(text):
        raise ValueError(f"must be 1 to {IDENTIFIER_LENGTH} printable characters")
    return text


def _client_id(text: str) -> str:
    if not is_client_id(text):
        raise ValueError(f"must match {_CLIENT_ID}")
    return text


def _timestamp(text: str) -> str:
    if not is_timestamp(text):
        raise ValueError("must be an RFC 3339 time such as 2026-11-20T10:00:00Z")
    return text


# The pattern is the part of `is_identifier` that every dialect of regular expressions can say.
Identifier = Annotated[
    str,
    AfterValidator(_identifier),
    WithJsonSchema(
        {
            "type": "string",
            "minLength": 1,
            "maxLength": IDENTIFIER_LENGTH,
            "pattern": r"^[^\u0000-\u001f\u007f-\u009f\u2028\u2029]*$",
            "description": "printable characters; no separator but the space",
        }
    ),
]
ClientId = Annotated[str, AfterValidator(_client_id), WithJsonSchema({"type": "string", "pattern": f"^{_CLIENT_ID}$"})]
Timestamp = Annotated[str, AfterValidator(_timestamp), WithJsonSchema({"type": "string", "format": "date-time"})]

# Text that people wrote, a file's name or a place: anything but NUL, which Postgres cannot keep.
TEXT_PATTERN = r"^[^\x00]*$"
Text = Annotated[str, StringConstraints(min_length=1, pattern=TEXT_PATTERN)]
