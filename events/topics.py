"""The topics of Millrace and what is said on each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from events.audit import AuditCompleted, AuditCreated
from events.document import DocumentCompleted, DocumentUploaded
from events.model import Data
from events.run import RunCompleted, RunRequested
from events.slices import RunCancelRequested, SliceRequested

PARTITIONS: Final = 12
DLQ_PARTITIONS: Final = 1
RETENTION_MS: Final = 14 * 24 * 60 * 60 * 1000


@dataclass(frozen=True, slots=True)
class Topic:
    """One type of events: its topic, what their Kafka key is, who says them and which flow, if any, consumes them.

    Rows of one topic agree in all but type and model.
    """

    name: str
    event_type: str
    model: type[Data]
    key: str
    sender: Literal["upstream", "millrace"]
    flow: str | None
    partitions: int = PARTITIONS
    retention_ms: int = RETENTION_MS


TOPICS: Final[tuple[Topic, ...]] = (
    Topic("runs.requested", "run.requested.v1", RunRequested, "run_id", "upstream", "runs"),
    Topic("runs.requested", "run.cancel.requested.v1", RunCancelRequested, "run_id", "upstream", "runs"),
    Topic("runs.slices", "run.slice.requested.v1", SliceRequested, "run_id:slice_no", "millrace", "slices"),
    Topic("runs.completed", "run.completed.v1", RunCompleted, "run_id", "millrace", None),
    Topic("documents.uploaded", "document.uploaded.v1", DocumentUploaded, "document_id", "upstream", "documents"),
    Topic("documents.completed", "document.completed.v1", DocumentCompleted, "document_id", "millrace", None),
    Topic("audits.created", "audit.created.v1", AuditCreated, "audit_id", "upstream", "audits"),
    Topic("audits.completed", "audit.completed.v1", AuditCompleted, "audit_id", "millrace", None),
)

TOPIC_OF_TYPE: Final[Mapping[str, Topic]] = {topic.event_type: topic for topic in TOPICS}

# The event types that Millrace consumes, each with its data model.
CONSUMED_TYPES: Final[Mapping[str, type[Data]]] = {topic.event_type: topic.model for topic in TOPICS if topic.flow}


def models_of(flow: str) -> Mapping[str, type[Data]]:
    """The event types that a flow consumes, each with its data model; what `decode` asks for."""
    return {topic.event_type: topic.model for topic in TOPICS if topic.flow == flow}


def dlq(topic: str) -> str:
    """The topic of an input topic's dead letters."""
    return f"{topic}.dlq"
