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
from pydantic import BaseModel, ValidationError

from handlers.llm.model import Outcome, Usage
from handlers.llm.usage import usage_of

CONTENT_FILTER = "content_filter"

# Raises ValueError, in words that quote nothing, for an object that is not what was asked for.
Check: TypeAlias = Callable[[dict[str, Any]], None]


@dataclass(frozen=True, slots=True)
class Reading:
    """What one answer says: a `text` (and `parsed`, when it is a JSON object) or `vectors`; what is wrong, if malformed.

    `is_usage_told` is False where `usage` is less than what may have been paid for.
    """

    outcome: Outcome
    model: str | None = None
    usage: Usage = field(default_factory=Usage)
    text: str | None = None
    parsed: dict[str, Any] | None = None
    vectors: NDArray[np.float32] | None = None
    problem: str = ""
    is_usage_told: bool = True


class _Embedding(BaseModel):
    index: int
    embedding: str | list[float]


class _Embeddings(BaseModel):
    model: str
    data: list[_Embedding]


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
    incomplete_details: _Incomplete | None = None


def read_embeddings(body: bytes, count: int, dimensions: int) -> Reading:
    """The vectors of `count` texts, in the order of the texts."""
    return _counted(_embeddings(body, count, dimensions), body)


def read_response(body: bytes) -> Reading:
    """The answer of a model that was asked for a JSON object."""
    return _counted(_response(body), body)


def _counted(reading: Reading, body: bytes) -> Reading:
    usage, is_told = usage_of(body)
    return replace(reading, usage=usage, is_usage_told=is_told)


def _embeddings(body: bytes, count: int, dimensions: int) -> Reading:
    try:
        told = _Embeddings.model_validate_json(body)
    except ValidationError as error:
        return Reading("malformed", problem=_problem(error))
    try:
        vectors = _vectors(told.data, count, dimensions)
    except ValueError as error:
        return Reading("malformed", told.model, problem=str(error))
    return Reading("answered", told.model, vectors=vectors)


def _response(body: bytes) -> Reading:
    try:
        told = _Response.model_validate_json(body)
    except ValidationError as error:
        return Reading("malformed", problem=_problem(error))
    content = [part for item in told.output if item.type == "message" for part in item.content or ()]
    refusal = _joined(content, "refusal")
    text = _joined(content, "output_text")
    if told.status == "incomplete":
        filtered = told.incomplete_details is not None and told.incomplete_details.reason == CONTENT_FILTER
        said = refusal or text or CONTENT_FILTER
        return Reading("refused", told.model, text=said) if filtered else Reading("truncated", told.model, text=text)
    if told.status != "completed":
        return Reading("malformed", told.model, problem="it did not end")
    if refusal:
        return Reading("refused", told.model, text=refusal)
    parsed = parsed_object(text)
    if parsed is None:
        return Reading("malformed", told.model, text=text, problem="the text is no JSON object")
    return Reading("answered", told.model, text=text, parsed=parsed)


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


def _joined(content: Iterable[_Content], kind: Literal["output_text", "refusal"]) -> str:
    return "".join(each.text if kind == "output_text" else each.refusal for each in content if each.type == kind)


def _problem(error: ValidationError) -> str:
    """Where the body is wrong, without quoting it."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    return f"{'.'.join(map(str, first['loc'])) or 'the body'}: {first['msg']}"
