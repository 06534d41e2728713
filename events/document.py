"""Documents: a stored file in; searchable chunks out."""

from __future__ import annotations

import re
from typing import Annotated, Any, ClassVar, Literal

import orjson
from pydantic import AfterValidator, Field

from events.model import Count, Data, Sha256, UuidText
from events.text import Text

DocumentStatus = Literal["embedded", "unchanged", "failed", "superseded"]
DocumentFailureCode = Literal[
    "unsupported",
    "encrypted",
    "needs_ocr",
    "too_large",
    "corrupt",
    "not_found",
    "checksum_mismatch",
    "forbidden_uri",
    "embedding_failed",
    "kills_worker",
    "internal",
]

_has_nul = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000").search


def _storable(metadata: dict[str, Any]) -> dict[str, Any]:
    """Postgres keeps no NUL in jsonb."""
    try:
        text = orjson.dumps(metadata)
    except TypeError:
        raise ValueError("nested too deeply") from None
    if _has_nul(text):
        raise ValueError("must not contain the NUL character")
    return metadata


class DocumentUploaded(Data):
    """document.uploaded.v1: embed this file. A higher version replaces the lower ones."""

    key_fields: ClassVar[tuple[str, ...]] = ("document_id", "version")

    document_id: UuidText
    version: Annotated[int, Field(ge=1, le=2**31 - 1)]
    uri: Annotated[Text, Field(max_length=1024)]
    filename: Annotated[Text, Field(max_length=1024)]
    media_type: Annotated[Text, Field(max_length=256)] | None = None
    sha256: Sha256 | None = None
    metadata: Annotated[dict[str, Any], AfterValidator(_storable)] | None = None


class DocumentFailure(Data):
    """Why the document could not be read or embedded."""

    code: DocumentFailureCode
    message: str


class DocumentCompleted(Data):
    """document.completed.v1: the end of one version of a document.

    `tokens` and `cost_usd` are those of the embeddings that were made for it; `chunks_reused` of its chunks needed none.
    """

    document_id: UuidText
    version: Annotated[int, Field(ge=1)]
    status: DocumentStatus
    pages: Count
    chunks: Count
    chunks_reused: Count
    tokens: Count
    model: str
    dimensions: Count
    cost_usd: Annotated[float, Field(ge=0)]
    failure: DocumentFailure | None = None
