from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
import pytest

from handlers.llm.model import Usage
from handlers.llm.reading import parsed_object, read_embeddings, read_response

USAGE = {"input_tokens": 100, "input_tokens_details": {"cached_tokens": 40}, "output_tokens": 7, "total_tokens": 107}


def packed(*values: float) -> str:
    return base64.b64encode(np.array(values, "<f4").tobytes()).decode()


def embeddings(*data: dict[str, Any], **more: Any) -> bytes:
    return json.dumps({"model": "m", "data": data, "usage": {"prompt_tokens": 5}} | more).encode()


def response(*content: dict[str, Any], **more: Any) -> bytes:
    message = {"type": "message", "content": list(content)}
    reasoning = {"type": "reasoning", "summary": []}
    return json.dumps({"model": "m", "status": "completed", "output": [reasoning, message], "usage": USAGE} | more).encode()


def said(text: str) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": []}


def test_vectors_come_in_the_order_of_the_texts_packed_or_listed() -> None:
    body = embeddings({"index": 1, "embedding": packed(3, 4)}, {"index": 0, "embedding": [1.0, 2.0]})
    reading = read_embeddings(body, 2, 2)
    assert reading.vectors is not None
    assert reading.vectors.dtype == np.float32
    assert reading.vectors.tolist() == [[1, 2], [3, 4]]
    assert (reading.outcome, reading.model, reading.usage) == ("answered", "m", Usage(5))


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        ([(0, packed(1, 2))], "1 vectors for 2 texts"),
        ([(0, packed(1, 2)), (0, packed(1, 2))], "2 vectors for 2 texts, or for others"),
        ([(0, packed(1, 2)), (2, packed(1, 2))], "for others"),
        ([(0, packed(1, 2)), (1, packed(1, 2)), (2, packed(1, 2))], "3 vectors for 2 texts"),
        ([(0, packed(1, 2)), (1, packed(1, 2, 3))], "a vector of length 3, not 2"),
        ([(0, packed(1, 2)), (1, packed())], "a vector of length 0, not 2"),
        ([(0, packed(1, 2)), (1, "AAA")], "not base64"),
        ([(0, packed(1, 2)), (1, "AAAA")], "not base64 of 32-bit numbers"),
        ([(0, packed(1, 2)), (1, packed(1, np.nan))], "not finite"),
        ([(0, packed(1, 2)), (1, [1e39, 0.0])], "not finite"),
    ],
)
def test_vectors_that_are_not_those_that_were_asked_for_are_malformed_and_paid_for(
    data: list[tuple[int, Any]], problem: str
) -> None:
    reading = read_embeddings(embeddings(*({"index": index, "embedding": vector} for index, vector in data)), 2, 2)
    assert (reading.outcome, reading.vectors, reading.usage) == ("malformed", None, Usage(5))
    assert problem in reading.problem


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b'{"object": "list", "data": [{"obj',
        b"<html>",
        b"[]",
        b"null",
        b'{"usage": 7}',
    ],
)
def test_a_body_that_is_not_as_described_is_malformed(body: bytes) -> None:
    for reading in (read_embeddings(body, 0, 2), read_response(body)):
        assert (reading.outcome, reading.model, reading.usage) == ("malformed", None, Usage())
        assert reading.problem


UNTOLD = [None, {}, 7, {"input_tokens": None}]


@pytest.mark.parametrize("usage", UNTOLD)
def test_an_answer_whose_tokens_nobody_tells_is_an_answer_all_the_same(usage: Any) -> None:
    reading = read_response(response(said("{}"), usage=usage))
    assert (reading.outcome, reading.usage, reading.is_usage_told) == ("answered", Usage(), False)
    reading = read_embeddings(embeddings(usage=usage), 0, 2)
    assert (reading.outcome, reading.usage, reading.is_usage_told) == ("answered", Usage(), False)


@pytest.mark.parametrize("details", [None, {}, {"cached_tokens": None}])
def test_without_word_of_the_cache_nothing_was_read_from_it(details: Any) -> None:
    reading = read_response(response(said("{}"), usage=USAGE | {"input_tokens_details": details}))
    assert (reading.outcome, reading.usage, reading.is_usage_told) == ("answered", Usage(100, 0, 7), True)


@pytest.mark.parametrize("count", [-1, 2**31, 10**30, 1e300, 7.5, True, "7", [7], {"tokens": 7}])
def test_what_can_be_no_count_of_tokens_is_none(count: Any) -> None:
    for usage, expected in (
        (USAGE | {"input_tokens": count}, Usage(0, 0, 7)),
        (USAGE | {"output_tokens": count}, Usage(100, 40, 0)),
        (USAGE | {"input_tokens_details": {"cached_tokens": count}}, Usage(100, 0, 7)),
    ):
        reading = read_response(response(said("{}"), usage=usage))
        assert (reading.outcome, reading.usage, reading.is_usage_told) == ("answered", expected, False)


def test_no_more_is_read_from_the_cache_than_is_read() -> None:
    usage = USAGE | {"input_tokens_details": {"cached_tokens": 101}}
    assert read_response(response(said("{}"), usage=usage)).usage == Usage(100, 100, 7)


@pytest.mark.parametrize("more", [{"output": None}, {"output": "none"}, {"model": None}, {"status": 7}])
def test_a_body_that_is_wrong_elsewhere_was_paid_for(more: dict[str, Any]) -> None:
    reading = read_response(response(said("{}"), **more))
    assert (reading.outcome, reading.usage, reading.is_usage_told) == ("malformed", Usage(100, 40, 7), True)


def test_an_answer_is_its_json_object() -> None:
    reading = read_response(response(said('{"a": '), said("1}")))
    assert (reading.outcome, reading.parsed, reading.text) == ("answered", {"a": 1}, '{"a": 1}')
    assert (reading.model, reading.usage) == ("m", Usage(100, 40, 7))


@pytest.mark.parametrize("text", ["", "[]", "1", '{"a": 1', "I think that"])
def test_a_text_that_is_no_json_object_is_malformed_and_kept(text: str) -> None:
    reading = read_response(response(said(text)))
    assert (reading.outcome, reading.text, reading.parsed, reading.usage) == ("malformed", text, None, Usage(100, 40, 7))
    assert parsed_object(text) is None


def test_a_refusal_is_one_though_the_status_is_completed() -> None:
    reading = read_response(response({"type": "refusal", "refusal": "No."}))
    assert (reading.outcome, reading.text, reading.parsed) == ("refused", "No.", None)


@pytest.mark.parametrize("text", ['{"a": 1', '{"a": 1}', ""])
def test_what_is_cut_off_is_truncated_even_if_it_happens_to_be_json(text: str) -> None:
    reading = read_response(response(said(text), status="incomplete", incomplete_details={"reason": "max_output_tokens"}))
    assert (reading.outcome, reading.text, reading.parsed, reading.usage) == ("truncated", text, None, Usage(100, 40, 7))


def test_what_a_filter_held_back_is_refused() -> None:
    reading = read_response(response(status="incomplete", incomplete_details={"reason": "content_filter"}))
    assert (reading.outcome, reading.text) == ("refused", "content_filter")


@pytest.mark.parametrize("status", ["failed", "cancelled", "in_progress"])
def test_an_answer_that_did_not_end_is_malformed(status: str) -> None:
    reading = read_response(response(said('{"a": 1}'), status=status))
    assert (reading.outcome, reading.text, reading.usage) == ("malformed", None, Usage(100, 40, 7))


def test_what_is_wrong_with_a_body_is_told_without_quoting_it() -> None:
    assert "secret" not in read_response(b'{"model": ["secret"], "status": 1}').problem
