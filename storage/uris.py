"""Which uris name a place within the object store."""

from __future__ import annotations

import re
from urllib.parse import unquote

from events.failures import Permanent

_has_scheme = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:").match
# obstore keeps such names for files that are being written.
_is_unfinished = re.compile(r".*#[0-9]+").fullmatch


class ForbiddenUri(Permanent):
    """The uri is not a plain path below the store's root, or leads out of it."""

    def __init__(self, uri: str, why: str) -> None:
        super().__init__("forbidden_uri", f"{uri!r} {why}")


def resolve(uri: str) -> str:
    """The path below the store's root that a uri names, taken literally: percent signs are not decoded.

    Raises ForbiddenUri for an absolute path, a scheme, a backslash, an empty or dotted segment, a character that is
    not printable, also where these are percent-encoded, however often.
    """
    text, decoded = uri, unquote(uri)
    _require_plain(uri, text)
    while decoded != text:
        text, decoded = decoded, unquote(decoded)
        _require_plain(uri, text)
    return uri


def _require_plain(uri: str, text: str) -> None:
    if not text.isprintable() or "\\" in text:
        raise ForbiddenUri(uri, "has a backslash or a character that is not printable")
    if text.startswith("/") or _has_scheme(text):
        raise ForbiddenUri(uri, "is not relative to the object store")
    segments = text.split("/")
    if any(segment in {"", ".", ".."} for segment in segments) or _is_unfinished(segments[-1]):
        raise ForbiddenUri(uri, "is not a plain path")
