from __future__ import annotations

import json
from typing import get_args

from events.document import DocumentCompleted, DocumentFailureCode, DocumentStatus, DocumentUploaded
from tests.support.markdown import fenced, first_cells, read, section


def test_every_status_and_failure_code_of_a_document_is_told() -> None:
    told = first_cells(section(read("docs/events.md"), "document.completed.v1"))
    assert sorted(told) == sorted((*get_args(DocumentStatus), *get_args(DocumentFailureCode)))


def test_every_failure_code_of_a_document_has_its_reason() -> None:
    failures = section(read("docs/documents.md"), "Failures")
    assert [code for code in get_args(DocumentFailureCode) if f"`{code}`" not in failures] == []


def test_every_field_of_an_upload_is_told() -> None:
    assert first_cells(section(read("docs/events.md"), "document.uploaded.v1")) == list(DocumentUploaded.model_fields)


def test_the_completion_in_the_docs_is_one() -> None:
    told = json.loads(fenced(section(read("docs/events.md"), "document.completed.v1"))[0])
    data = DocumentCompleted.model_validate(told["data"])
    assert (told["subject"], data.status) == (data.document_id, "embedded")
