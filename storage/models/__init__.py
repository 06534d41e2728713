"""The tables: those the engine keeps for itself, and those that hold results, which clients may read."""

from __future__ import annotations

from storage.models.audits import Audit, AuditFinding
from storage.models.base import Base
from storage.models.books import MarketSnapshot, StoredPortfolio
from storage.models.documents import Document, DocumentChunk
from storage.models.engine import DeadLetter, Generation, InboxEntry, LaneRow, OutboxEntry, Retry, Start
from storage.models.llm import LlmCall, PaidEmbedding
from storage.models.replays import Replay, ReplayPartition
from storage.models.runs import Run, RunGeneration, RunPlan, RunResult, RunSlice, RunTotal

__all__ = [
    "Audit",
    "AuditFinding",
    "Base",
    "DeadLetter",
    "Document",
    "DocumentChunk",
    "Generation",
    "InboxEntry",
    "LaneRow",
    "LlmCall",
    "MarketSnapshot",
    "OutboxEntry",
    "PaidEmbedding",
    "Replay",
    "ReplayPartition",
    "Retry",
    "Run",
    "RunGeneration",
    "RunPlan",
    "RunResult",
    "RunSlice",
    "RunTotal",
    "Start",
    "StoredPortfolio",
]
