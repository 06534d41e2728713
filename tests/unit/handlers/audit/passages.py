"""Passages as the tests of audits make them."""

from __future__ import annotations

from hashlib import sha256
from typing import Any
from uuid import UUID

from handlers.audit.evidence import Passage


def passage(number: int = 1, text: str = "The loan is secured.", **changes: Any) -> Passage:
    """A passage whose ids follow from `number`; of a document of its own unless `document` tells another's number."""
    made: dict[str, Any] = {
        "chunk_id": UUID(int=number),
        "document_id": UUID(int=1000 + changes.pop("document", number)),
        "ordinal": number,
        "name": "loan.pdf",
        "page": 3,
        "text": text,
        "content_sha256": sha256(text.encode()).digest(),
        "tokens": 5,
    }
    return Passage(**made | changes)
