"""Takes passwords and keys out of what leaves the process: log lines, error reports, complaints."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from structlog.typing import EventDict, WrappedLogger

HIDDEN = "***"
SHORTEST_SECRET = 4
URL_PASSWORD = re.compile(r"(?<=://)([^/\s:@'\"]*):([^/\s'\"]+)@")
KEY_ASSIGNED = re.compile(
    r"(?i)((?:password|passwd|pwd|secret|api[_-]?key|access[_-]?key|authorization)['\"]?\s*[=:]\s*['\"]?|\b(?:bearer|basic)\s+)"
    r"(?!(?:bearer|basic)\s)[^\s,;'\"&}]+"
)
API_KEY = re.compile(r"\b(?:sk|pk)-[A-Za-z0-9_-]{8,}")
SECRET_NAME = re.compile(r"(?i)(password|passwd|secret|token|api_?key|access_?key|authorization|credential|dsn)")


def without_passwords(text: str) -> str:
    """The text with the password of every URL, every assigned key and every API key hidden."""
    text = URL_PASSWORD.sub(rf"\1:{HIDDEN}@", text)
    text = API_KEY.sub(HIDDEN, text)
    return KEY_ASSIGNED.sub(rf"\1{HIDDEN}", text)


class Scrubber:
    """A structlog processor that hides known secrets, what looks like one, and the values of names that say so."""

    def __init__(self, secrets: Collection[str] = ()) -> None:
        parts = {part for secret in secrets for part in (secret, *_passwords(secret)) if len(part) >= SHORTEST_SECRET}
        ordered = sorted(parts, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, ordered))) if ordered else None

    def __call__(self, _logger: WrappedLogger, _method: str, line: EventDict) -> EventDict:
        """The line without secrets."""
        return {name: self.value(name, value) for name, value in line.items()}

    def value(self, name: str, value: Any) -> Any:
        """A value as it may be shown under this name; looks into mappings and sequences."""
        if value is None or isinstance(value, bool | int | float):
            return value
        if SECRET_NAME.search(name):
            return HIDDEN
        return self._inside(name, value)

    def text(self, text: str) -> str:
        """The text without known secrets and without what looks like one."""
        if self._known is not None:
            text = self._known.sub(HIDDEN, text)
        return without_passwords(text)

    def _inside(self, name: str, value: Any) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {key: self.value(str(key), item) for key, item in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self.value(name, item) for item in value]
        return self.text(value.decode(errors="replace") if isinstance(value, bytes) else str(value))


def _passwords(secret: str) -> tuple[str, ...]:
    password = urlsplit(secret).password if "://" in secret else None
    return (password, unquote(password)) if password else ()
