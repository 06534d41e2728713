"""Fresh ids that sort by the time they were made."""

from __future__ import annotations

from events.ids import uuid7

__all__ = ["uuid7"]
