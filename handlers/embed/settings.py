"""What may be tuned in the embedding of documents."""

from __future__ import annotations

from dataclasses import dataclass, field

from handlers.embed.model import Limits


@dataclass(frozen=True, slots=True)
class DocumentSettings:
    """The model that embeds, how long its vectors are, what one document may be and cost.

    `work_bytes`: what all documents in work may hold together; one that needs more than is left waits.
    """

    embedding_model: str = "text-embedding-3-small"
    dimensions: int = 1536
    limits: Limits = field(default_factory=Limits)
    work_bytes: int = 512 * 1024 * 1024
