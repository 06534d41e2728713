from __future__ import annotations

import json
from typing import Any

import pytest

from devstack.standin.failures import Rejected
from devstack.standin.responses import answer

MODEL = "gpt-5.4-mini"
CHUNK = '<chunk id="c-1" document="d-1" page="2">The rent is unpaid.</chunk>'
LOOSE = {"type": "json_schema", "name": "audit", "schema": {"type": "object", "properties": {"summary": {"type": "string"}}}}


def ask(given: Any, **more: Any) -> dict[str, Any]:
    return answer({"model": MODEL, "input": given} | more, "-stand-in", 1)


def text(response: dict[str, Any]) -> str:
    return str(response["output"][0]["content"][0]["text"])


@pytest.mark.parametrize(
    "given",
    [
        CHUNK,
        [{"role": "user", "content": CHUNK}],
        [{"role": "developer", "content": "Audit."}, {"role": "user", "content": [{"type": "input_text", "text": CHUNK}]}],
    ],
)
def test_evidence_is_found_wherever_the_user_gives_it(given: Any) -> None:
    findings = json.loads(text(ask(given, text={"format": {"type": "json_object"}})))["findings"]
    assert [each["citations"][0]["chunk_id"] for each in findings] == ["c-1"]


def test_an_example_in_the_instructions_is_no_evidence() -> None:
    said = text(ask([{"role": "system", "content": CHUNK}, {"role": "user", "content": "Audit."}], instructions=CHUNK))
    assert "in 0 chunks" in said


def test_the_same_request_is_answered_by_the_same_text() -> None:
    assert text(ask(CHUNK)) == text(ask(CHUNK))
    assert ask(CHUNK)["usage"] == ask(CHUNK)["usage"]


def test_instructions_and_schema_are_paid_for() -> None:
    bare, more = ask(CHUNK)["usage"]["input_tokens"], ask(CHUNK, instructions="Be brief.")["usage"]["input_tokens"]
    assert more == bare + 3
    assert ask(CHUNK, text={"format": LOOSE})["usage"]["input_tokens"] > bare


def test_an_answer_ends_where_the_caller_wants_no_more_of_it() -> None:
    response = ask(CHUNK, max_output_tokens=16)
    assert (response["status"], response["incomplete_details"]) == ("incomplete", {"reason": "max_output_tokens"})
    assert response["usage"]["output_tokens"] <= 16
    assert ask(CHUNK, max_output_tokens=1000)["status"] == "completed"


def test_a_schema_that_need_not_be_strict_may_be_loose() -> None:
    assert set(json.loads(text(ask(CHUNK, text={"format": LOOSE})))) == {"summary"}


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"model": None}, "missing_required_parameter"),
        ({"input": None}, "missing_required_parameter"),
        ({"model": "text-embedding-3-small"}, "model_not_found"),
        ({"stream": True}, None),
        ({"text": "json"}, None),
        ({"text": {"format": {"type": "json_schema", "strict": True}}}, None),
        ({"input": [1]}, None),
        ({"text": {"format": LOOSE | {"strict": True}}}, "invalid_json_schema"),
        ({"input": "word " * 272_001}, "context_length_exceeded"),
    ],
)
def test_what_cannot_be_answered_is_refused(request_: dict[str, Any], code: str | None) -> None:
    with pytest.raises(Rejected) as caught:
        ask("text", **request_)
    assert caught.value.body["error"]["code"] == code
