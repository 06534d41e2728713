"""The tables: those the engine keeps for itself, and those that hold results, which clients may read."""

from __future__ import annotations

from storage.models.base import Base
from storage.models.engine import DeadLetter, InboxEntry, OutboxEntry, Retry
from storage.models.runs import Run, RunResult

__all__ = ["Base", "DeadLetter", "InboxEntry", "OutboxEntry", "Retry", "Run", "RunResult"]
