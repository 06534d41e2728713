"""Bytes to text, and text as the tables can keep it."""

from __future__ import annotations

import codecs
import re

from handlers.embed.failures import Unreadable

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# The encodings that pages name; Python knows others too, some of them no encodings of text at all.
_declared = re.compile(
    rb"""(?:charset|encoding)\s*=\s*["']?\s*((?:windows-|cp|iso-8859-|koi8-)\w+|shift_jis|big5|gbk?|gb18030|gb2312|euc-\w+)""",
    re.IGNORECASE,
).search
_DECLARED_WITHIN = 4096
_SAMPLE = 64 * 1024
_BINARY_SHARE = 0.02

_breaks = re.compile("\r\n?|[\v\f\x85]")
_unkept = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufeff\ufffe\uffff]")
_odd_controls = bytes(code for code in range(32) if code not in b"\t\n\v\f\r\x1a\x1b")


def decode(content: bytes, *, declares: bool = False) -> str:
    """The text of `content`.

    A byte order mark decides (UTF-8, UTF-16, UTF-32); then UTF-8, if all bytes are valid; then, if `declares`, the charset
    that an HTML page names near its start; then Windows-1252, in which bytes without a meaning become U+FFFD.
    """
    for mark, encoding in _BOMS:
        if content.startswith(mark):
            return content[len(mark) :].decode(encoding, "replace")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        pass
    declared = _declared(content[:_DECLARED_WITHIN]) if declares else None
    if declared is not None and declared[1].lower() != b"iso-8859-1":  # which means Windows-1252 on the web
        try:
            return content.decode(declared[1].decode("ascii"), "replace")
        except LookupError:
            pass
    return content.decode("cp1252", "replace")


def clean(text: str) -> str:
    """`text` with a line feed for every break of lines, without what PostgreSQL, JSON or a reader cannot take.

    Removed: NUL and all other control characters but tab and line feed, lone surrogates, noncharacters, byte order marks.
    """
    return _unkept.sub("", _breaks.sub("\n", text))


def has_mark(content: bytes) -> bool:
    """Whether a byte order mark says that this is text."""
    return any(content.startswith(mark) for mark, _ in _BOMS)


def require_text(content: bytes) -> None:
    """Raises Unreadable, code unsupported, when the bytes are no text: more than 2 % of a sample are control characters."""
    sample = content[:_SAMPLE]
    if has_mark(sample):
        return
    odd = len(sample) - len(sample.translate(None, _odd_controls))
    if odd > _BINARY_SHARE * len(sample):
        raise Unreadable("unsupported", "the bytes are neither of a format that is read nor text (UTF-16 needs its mark)")
