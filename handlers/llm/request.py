"""What is sent, and the hash that a request is known by."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Any

import orjson

from handlers.llm.model import Endpoint, Usage

# Only these can be asked for another length than their own.
SHORTENED = "text-embedding-3-"
# OpenAI takes no fewer.
FEWEST_OUTPUT_TOKENS = 16


def embeddings_body(model: str, texts: Sequence[str], dimensions: int) -> dict[str, Any]:
    """The body of a request for the vectors of texts."""
    body: dict[str, Any] = {"model": model, "input": list(texts), "encoding_format": "base64"}
    if model.startswith(SHORTENED):
        body["dimensions"] = dimensions
    return body


def responses_body(
    model: str, instructions: str, prompt: str, schema: dict[str, Any], schema_name: str, max_output_tokens: int
) -> dict[str, Any]:
    """The body of a request for an answer of the schema; the provider is asked to keep nothing."""
    form = {"type": "json_schema", "name": schema_name, "strict": True, "schema": schema}
    return {
        "model": model,
        "instructions": instructions,
        "input": prompt,
        "text": {"format": form},
        "max_output_tokens": max_output_tokens,
        "store": False,
    }


def smallest_body(endpoint: Endpoint, model: str, dimensions: int) -> dict[str, Any]:
    """The body of a request that has nothing to do with anybody's event and costs next to nothing."""
    if endpoint == "embeddings":
        return embeddings_body(model, ["a"], dimensions)
    return {"model": model, "input": "a", "max_output_tokens": FEWEST_OUTPUT_TOKENS, "store": False}


def longest_usage(body: dict[str, Any]) -> Usage:
    """The most tokens that a request can take: none is shorter than a byte."""
    return Usage(len(orjson.dumps(body)), output_tokens=body.get("max_output_tokens", 0))


def request_sha256(endpoint: str, body: dict[str, Any]) -> bytes:
    """The same for the same request, in whichever order its fields stand."""
    return sha256(orjson.dumps([endpoint, body], option=orjson.OPT_SORT_KEYS)).digest()
