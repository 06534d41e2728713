"""What the body of an answer says. Nothing is taken for granted: what is not as OpenAI describes it is malformed.

Source: OpenAI's API reference, "Create embeddings" and "Create a response".
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

import numpy as np
import orjson
from numpy.typing import NDArray
from pydantic import BaseModel, NonNegativeInt, ValidationError

from handlers.llm.model import Outcome, Usage

CONTENT_FILTER = "content_filter"

# Raises ValueError, in words that quote nothing, for an object that is not what was asked for.
Check: TypeAlias = Callable[[dict[str, Any]], None]


@dataclass(frozen=True, slots=True)
class Reading:
    """What one answer says: a `text` (and `parsed`, when it is a JSON object) or `vectors`; what is wrong, if malformed."""

    outcome: Outcome
    model: str | None = None
    usage: Usage = field(default_factory=Usage)
    text: str | None = None
    parsed: dict[str, Any] | None = None
    vectors: NDArray[np.float32] | None = None
    problem: str = ""


class _EmbeddingUsage(BaseModel):
    prompt_tokens: NonNegativeInt


class _Embedding(BaseModel):
    index: int
    embedding: str | list[float]


class _Embeddings(BaseModel):
    model: str
    data: list[_Embedding]
    usage: _EmbeddingUsage


class _CachedTokens(BaseModel):
    cached_tokens: NonNegativeInt = 0


class _ResponseUsage(BaseModel):
    input_tokens: NonNegativeInt
    output_tokens: NonNegativeInt
    input_tokens_details: _CachedTokens | None = None


class _Content(BaseModel):
    type: str
    text: str = ""
    refusal: str = ""


class _Item(BaseModel):
    type: str
    content: list[_Content] | None = None


class _Incomplete(BaseModel):
    reason: str | None = None


class _Response(BaseModel):
    model: str
    status: str
    output: list[_Item]
    usage: _ResponseUsage
    incomplete_details: _Incomplete | None = None


def read_embeddings(body: bytes, count: int, dimensions: int) -> Reading:
    """The vectors of `count` texts, in the order of the texts."""
    try:
        told = _Embeddings.model_validate_json(body)
    except ValidationError as error:
        return Reading("malformed", problem=_problem(error))
    usage = Usage(told.usage.prompt_tokens)
    try:
        vectors = _vectors(told.data, count, dimensions)
    except ValueError as error:
        return Reading("malformed", told.model, usage, problem=str(error))
    return Reading("answered", told.model, usage, vectors=vectors)


def read_response(body: bytes) -> Reading:
    """The answer of a model that was asked for a JSON object."""
    try:
        told = _Response.model_validate_json(body)
    except ValidationError as error:
        return Reading("malformed", problem=_problem(error))
    usage = _usage(told.usage)
    content = [part for item in told.output if item.type == "message" for part in item.content or ()]
    refusal = _joined(content, "refusal")
    text = _joined(content, "output_text")
    if told.status == "incomplete":
        filtered = told.incomplete_details is not None and told.incomplete_details.reason == CONTENT_FILTER
        said = refusal or text or CONTENT_FILTER
        return Reading("refused", told.model, usage, said) if filtered else Reading("truncated", told.model, usage, text)
    if told.status != "completed":
        return Reading("malformed", told.model, usage, problem=f"status {told.status!r}")
    if refusal:
        return Reading("refused", told.model, usage, refusal)
    parsed = parsed_object(text)
    if parsed is None:
        return Reading("malformed", told.model, usage, text, problem="the text is no JSON object")
    return Reading("answered", told.model, usage, text, parsed)


def checked(reading: Reading, check: Check | None) -> Reading:
    """The same reading, malformed if its object does not pass the check."""
    if reading.parsed is None or check is None:
        return reading
    try:
        check(reading.parsed)
    except ValidationError as error:
        return replace(reading, outcome="malformed", parsed=None, problem=_problem(error))
    except ValueError as error:
        return replace(reading, outcome="malformed", parsed=None, problem=str(error))
    return reading


def passes(parsed: dict[str, Any] | None, check: Check | None) -> bool:
    """Whether an object, if it is one, passes the check."""
    return checked(Reading("answered", parsed=parsed), check).outcome == "answered"


def parsed_object(text: str) -> dict[str, Any] | None:
    """The JSON object that `text` is, or None."""
    try:
        parsed = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return parsed if isinstance(parsed, dict) else None


def _vectors(data: list[_Embedding], count: int, dimensions: int) -> NDArray[np.float32]:
    ordered = sorted(data, key=lambda each: each.index)
    if [each.index for each in ordered] != list(range(count)):
        raise ValueError(f"{len(data)} vectors for {count} texts, or for others")
    vectors = np.empty((count, dimensions), np.float32)
    for place, each in enumerate(ordered):
        vector = _vector(each.embedding)
        if vector.shape != (dimensions,):
            raise ValueError(f"a vector of length {len(vector)}, not {dimensions}")
        vectors[place] = vector
    if not np.isfinite(vectors).all():
        raise ValueError("a vector with numbers that are not finite")
    return vectors


def _vector(told: str | list[float]) -> NDArray[np.float32]:
    if isinstance(told, list):
        with np.errstate(over="ignore"):  # what becomes infinite is told below
            return np.array(told, np.float32)
    try:
        return np.frombuffer(b64decode(told, validate=True), "<f4")
    except (binascii.Error, ValueError):
        raise ValueError("a vector that is not base64 of 32-bit numbers") from None


def _usage(told: _ResponseUsage) -> Usage:
    cached = told.input_tokens_details.cached_tokens if told.input_tokens_details else 0
    return Usage(told.input_tokens, min(cached, told.input_tokens), told.output_tokens)


def _joined(content: Iterable[_Content], kind: Literal["output_text", "refusal"]) -> str:
    return "".join(each.text if kind == "output_text" else each.refusal for each in content if each.type == kind)


def _problem(error: ValidationError) -> str:
    """Where the body is wrong, without quoting it."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    return f"{'.'.join(map(str, first['loc'])) or 'the body'}: {first['msg']}"
