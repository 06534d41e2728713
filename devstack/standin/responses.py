"""POST /v1/responses: what the request asks, the model's text, and the form of the answer.

Source: https://platform.openai.com/docs/api-reference/responses/create
"""

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from devstack.standin import evidence, findings, tokens
from devstack.standin.embeddings import MODELS as EMBEDDING_MODELS
from devstack.standin.failures import Rejected, unknown_model
from devstack.standin.findings import Finding
from devstack.standin.schema import fit, require_strict

CONTEXT_TOKENS = 272_000
REFUSAL = "I'm sorry, but I can't assist with that request."
INVENTIONS = {"invented_chunk": findings.invent_chunk, "invented_quote": findings.invent_quote}


@dataclass(frozen=True, slots=True)
class Prompt:
    """A request that can be answered: `question` is what users said in it, `whole` all of its text."""

    model: str
    question: str
    whole: str
    form: dict[str, Any]
    max_output_tokens: int | None


@dataclass(frozen=True, slots=True)
class Draft:
    """What the model says, and why it stopped if it was not done."""

    text: str
    refused: bool = False
    cut: str | None = None


def text_of(body: dict[str, Any]) -> str:
    """All text of a request, instructions first."""
    given = body.get("instructions")
    instructions = [given] if isinstance(given, str) else []
    return "\n".join([*instructions, *(text for _, text in _messages(body.get("input")))])


def answer(body: dict[str, Any], mark: str, number: int, fault: str | None = None) -> dict[str, Any]:
    """The answer to call `number`, by a model whose name is followed by `mark`, with a fault in it if one is named.

    Raises Rejected.
    """
    try:
        prompt = _read(body)
    except (AttributeError, KeyError, TypeError) as error:
        raise Rejected(400, f"The stand-in does not understand the request: {error!r}") from error
    return _form(body, prompt, _draft(prompt, fault), mark, number)


def _read(body: dict[str, Any]) -> Prompt:
    model, form = body.get("model"), (body.get("text") or {}).get("format") or {"type": "text"}
    if not isinstance(model, str):
        raise Rejected(400, "Missing required parameter: 'model'.", param="model", code="missing_required_parameter")
    if model in EMBEDDING_MODELS:
        raise unknown_model(model)
    if not text_of(body):
        raise Rejected(400, "Missing required parameter: 'input'.", param="input", code="missing_required_parameter")
    if body.get("stream") or body.get("tools") or body.get("background"):
        raise Rejected(400, "The stand-in neither streams nor uses tools nor works in the background.")
    if form["type"] == "json_schema" and form.get("strict"):
        require_strict(form["schema"], form["name"])
    whole = text_of(body)
    if tokens.count(whole) > CONTEXT_TOKENS:
        message = "Your input exceeds the context window of this model. Please adjust your input and try again."
        raise Rejected(400, message, param="input", code="context_length_exceeded")
    question = "\n".join(text for role, text in _messages(body.get("input")) if role == "user")
    return Prompt(model, question, whole, form, body.get("max_output_tokens"))


def _messages(given: Any) -> Iterator[tuple[str, str]]:
    """Role and text of each part of the input."""
    if isinstance(given, str):
        yield "user", given
    for message in given if isinstance(given, list) else ():
        content = message.get("content")
        parts = [{"text": content}] if isinstance(content, str) else content or []
        for part in parts:
            if isinstance(part.get("text"), str):
                yield message.get("role", "user"), part["text"]


def _draft(prompt: Prompt, fault: str | None) -> Draft:
    if fault == "refusal":
        return Draft(REFUSAL, refused=True)
    text = _text(prompt, fault)
    if fault == "malformed_json":
        return Draft(f"Here is the answer:\n{text}}}")
    if fault == "truncated_json":
        return Draft(text[: len(text) // 2], cut="max_output_tokens")
    limit = prompt.max_output_tokens
    if limit is not None and tokens.count(text) > limit:
        return Draft(text[: len(text) * limit // tokens.count(text)], cut="max_output_tokens")
    return Draft(text)


def _text(prompt: Prompt, fault: str | None) -> str:
    found = evidence.read(prompt.question)
    made = findings.find(found)
    if fault in INVENTIONS:
        made = INVENTIONS[fault](made)
    told: dict[str, Any] = {"summary": findings.summary(made, len(found.chunks)), "findings": [_told(each) for each in made]}
    if prompt.form["type"] == "text":
        return "\n".join([told["summary"], *(f"{each.severity}: {each.title}" for each in made)])
    if prompt.form["type"] == "json_schema":
        told = fit(prompt.form["schema"], told)
    return json.dumps(told, ensure_ascii=False)


def _told(finding: Finding) -> dict[str, Any]:
    """A finding under all names by which a schema may ask for its parts."""
    citations = [
        {
            **dict.fromkeys(("chunk_id", "chunk", "id"), citation.chunk.id),
            **dict.fromkeys(("document_id", "document"), citation.chunk.document or None),
            "page": citation.chunk.page or None,
            **dict.fromkeys(("quote", "text"), citation.quote),
        }
        for citation in finding.citations
    ]
    return {
        "severity": finding.severity,
        "title": finding.title,
        "description": finding.description,
        "recommendation": finding.recommendation,
        **dict.fromkeys(("citations", "evidence"), citations),
    }


def _form(body: dict[str, Any], prompt: Prompt, draft: Draft, mark: str, number: int) -> dict[str, Any]:
    status = "incomplete" if draft.cut else "completed"
    now = int(time.time())
    return {
        "id": f"resp_standin_{number:08d}",
        "object": "response",
        "created_at": now,
        "completed_at": None if draft.cut else now,
        "status": status,
        "background": False,
        "error": None,
        "incomplete_details": {"reason": draft.cut} if draft.cut else None,
        "instructions": body.get("instructions"),
        "max_output_tokens": prompt.max_output_tokens,
        "metadata": body.get("metadata") or {},
        "model": f"{prompt.model}{mark}",
        "output": [_message(draft, status, number)],
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "reasoning": {"effort": (body.get("reasoning") or {}).get("effort"), "summary": None},
        "service_tier": "default",
        "temperature": body.get("temperature", 1.0),
        "text": {"format": prompt.form},
        "tool_choice": "auto",
        "tools": [],
        "top_p": body.get("top_p", 1.0),
        "truncation": "disabled",
        "usage": _usage(prompt, draft),
        "user": body.get("user"),
    }


def _message(draft: Draft, status: str, number: int) -> dict[str, Any]:
    spoken = {"type": "output_text", "text": draft.text, "annotations": [], "logprobs": []}
    content: Sequence[Any] = [{"type": "refusal", "refusal": draft.text} if draft.refused else spoken]
    return {"id": f"msg_standin_{number:08d}", "type": "message", "role": "assistant", "status": status, "content": content}


def _usage(prompt: Prompt, draft: Draft) -> dict[str, Any]:
    taken = tokens.count(prompt.whole) + tokens.count(json.dumps(prompt.form))
    given = tokens.count(draft.text)
    return {
        "input_tokens": taken,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": given,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": taken + given,
    }
