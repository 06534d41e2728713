"""What contents were parsed to, kept by their sha256 while there is room."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import NamedTuple, TypeVar

T = TypeVar("T")

MIB = 1024 * 1024


class Content(NamedTuple):
    """A kind of content and its sha256; `variant` tells apart what is parsed from the same bytes in different ways."""

    kind: str
    sha256: bytes
    variant: str | None = None


class Parsed:
    """Parsed contents of up to `max_bytes` together; what was asked for least lately goes first.

    Only for what never changes once it is parsed: threads and flows share it. A content's sha256 says all that it depends on,
    so nothing in here grows stale.
    """

    def __init__(self, max_bytes: int = 16 * MIB) -> None:
        self.max_bytes = max_bytes
        self._kept: OrderedDict[Content, tuple[object, int]] = OrderedDict()
        self._bytes = 0
        self._lock = Lock()

    @property
    def nbytes(self) -> int:
        """What is kept counts for so many bytes."""
        return self._bytes

    def get(self, content: Content, size: int, parse: Callable[[], T]) -> T:
        """What the content is parsed to: as kept, or else by `parse`, and then kept if its `size` in memory (bytes) allows.

        Raises what `parse` raises, and keeps nothing then. Others wait meanwhile: parsing holds the interpreter anyway, and the
        second of two that want the same finds it.
        """
        with self._lock:
            found = self._kept.get(content)
            if found is not None:
                self._kept.move_to_end(content)
                return found[0]  # type: ignore[return-value]  # a kind of content has one type
            parsed = parse()
            self._keep(content, parsed, size)
            return parsed

    def _keep(self, content: Content, parsed: object, size: int) -> None:
        if size > self.max_bytes:
            return
        self._kept[content] = parsed, size
        self._bytes += size
        while self._bytes > self.max_bytes:
            _, (_, freed) = self._kept.popitem(last=False)
            self._bytes -= freed
