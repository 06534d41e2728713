from __future__ import annotations

from typing import Any

import pytest

from handlers.llm.request import embeddings_body, request_sha256, responses_body

ASKED: dict[str, Any] = {
    "model": "gpt-5.4-mini",
    "instructions": "Audit.",
    "prompt": "What is overdue?",
    "schema": {"type": "object", "properties": {}, "required": [], "additionalProperties": False},
    "schema_name": "audit",
    "max_output_tokens": 1000,
}


def digest(**changes: Any) -> bytes:
    return request_sha256("responses", responses_body(**ASKED | changes))


def test_the_same_request_has_the_same_hash_in_any_order_of_its_fields() -> None:
    schema = dict(reversed(list(ASKED["schema"].items())))
    assert digest() == digest(schema=schema)
    assert len(digest()) == 32


@pytest.mark.parametrize("field", ["model", "instructions", "prompt", "schema_name"])
def test_another_request_has_another_hash(field: str) -> None:
    assert digest(**{field: "other"}) != digest()
    assert digest(max_output_tokens=999) != digest()


def test_the_provider_is_asked_for_a_strict_schema_and_to_keep_nothing() -> None:
    body = responses_body(**ASKED)
    assert (body["text"]["format"]["strict"], body["store"]) == (True, False)


def test_only_models_that_can_are_asked_for_a_length() -> None:
    assert embeddings_body("text-embedding-3-large", ["a"], 1536)["dimensions"] == 1536
    assert "dimensions" not in embeddings_body("text-embedding-ada-002", ["a"], 1536)
