from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from events.document import DocumentCompleted, DocumentUploaded

UPLOADED: dict[str, Any] = {
    "document_id": "01970000-0000-7000-8000-00000000000b",
    "version": 2,
    "uri": "filings/10-k.pdf",
    "filename": "10\u202fk.pdf",
}


def test_a_document_is_known_by_its_id_and_version() -> None:
    assert DocumentUploaded.model_validate(UPLOADED).natural_key() == "01970000-0000-7000-8000-00000000000b:2"


@pytest.mark.parametrize("version", [0, -1, "1", True, 1.0, 2**31])
def test_a_version_counts_from_1(version: Any) -> None:
    with pytest.raises(ValidationError, match="version"):
        DocumentUploaded.model_validate(UPLOADED | {"version": version})


@pytest.mark.parametrize("metadata", [{"a": "\x00"}, {"\x00": 1}, {"a": [{"b": "\\\x00"}]}])
def test_metadata_that_postgres_cannot_keep_is_invalid(metadata: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="must not contain the NUL character"):
        DocumentUploaded.model_validate(UPLOADED | {"metadata": metadata})


@pytest.mark.parametrize("metadata", [{}, {"a": "\\u0000"}, {"a": ["\\", {"b": None}]}])
def test_other_metadata_is_kept_as_received(metadata: dict[str, Any]) -> None:
    assert DocumentUploaded.model_validate(UPLOADED | {"metadata": metadata}).metadata == metadata


def test_a_failed_document_says_why() -> None:
    counts = dict.fromkeys(["pages", "chunks", "chunks_reused", "tokens", "dimensions"], 0)
    said = {"document_id": UPLOADED["document_id"], "version": 1, "status": "failed", "model": "m", "cost_usd": 0.0} | counts
    failure = {"code": "needs_ocr", "message": "no text"}
    completed = DocumentCompleted.model_validate(said | {"failure": failure})
    assert completed.failure is not None
    assert completed.failure.code == "needs_ocr"
    with pytest.raises(ValidationError, match=r"failure\.code"):
        DocumentCompleted.model_validate(said | {"failure": failure | {"code": "other"}})
