"""What may be tuned in the embedding of documents."""

from __future__ import annotations

from dataclasses import dataclass, field

from handlers.embed.model import Limits


@dataclass(frozen=True, slots=True)
class DocumentSettings:
    """The model that embeds, how long its vectors are, and what one document may be and cost."""

    embedding_model: str = "text-embedding-3-small"
    dimensions: int = 1536
    limits: Limits = field(default_factory=Limits)
