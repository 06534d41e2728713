from __future__ import annotations

from typing import Any

import pytest

from devstack.standin import tokens
from devstack.standin.embeddings import answer
from devstack.standin.failures import Rejected

MODEL = "text-embedding-3-small"


def ask(texts: Any, **more: Any) -> dict[str, Any]:
    return answer({"model": MODEL, "input": texts} | more, "-stand-in")


def test_as_much_as_the_limits_allow_is_answered() -> None:
    assert len(ask(["word"] * 2048, dimensions=1)["data"]) == 2048
    assert ask(" a" * 8192, dimensions=1)["usage"]["prompt_tokens"] == 8192


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"input": ["word"] * 2049}, "array length must be 2048 or less"),
        ({"input": " a" * 8193}, "maximum context length is 8192 tokens, however you requested 8193"),
        ({"input": ["a" * 20_000] * 61}, "Requested 305000 tokens, max 300000 tokens per request"),
        ({"input": ["a", ""]}, r"Invalid 'input\[1\]': input cannot be an empty string"),
        ({"input": ""}, "cannot be an empty string"),
        ({"input": []}, "non-empty array"),
        ({"input": None}, "Invalid type for 'input'"),
        ({"input": ["a", None]}, r"Invalid type for 'input\[1\]'"),
        ({"dimensions": 1537}, "1 to 1536"),
        ({"dimensions": 0}, "1 to 1536"),
        ({"model": "text-embedding-ada-002", "dimensions": 256}, "does not support specifying dimensions"),
        ({"model": None}, "must provide a model"),
        ({"encoding_format": "hex"}, "Invalid 'encoding_format'"),
    ],
)
def test_what_openai_refuses_is_refused(request_: dict[str, Any], message: str) -> None:
    with pytest.raises(Rejected, match=message) as caught:
        ask("text", **request_)
    assert caught.value.status == 400


def test_an_unknown_model_is_not_found() -> None:
    with pytest.raises(Rejected, match="`nonsense` does not exist") as caught:
        ask("text", model="nonsense")
    assert (caught.value.status, caught.value.body["error"]["code"]) == (404, "model_not_found")


def test_a_request_of_too_many_tokens_is_told_by_its_code() -> None:
    with pytest.raises(Rejected) as caught:
        ask(["a" * 20_000] * 61)
    assert caught.value.body["error"]["code"] == "max_tokens_per_request"


def test_tokens_are_inputs_too() -> None:
    one, two = ask([[1, 2, 3], [4]])["data"], ask([1, 2, 3])["data"]
    assert (len(one), len(two)) == (2, 1)
    assert one[0] == two[0]


def test_white_space_is_a_text() -> None:
    assert len(ask(" ")["data"][0]["embedding"]) == 1536


@pytest.mark.parametrize(("model", "dimensions"), [(MODEL, 1536), ("text-embedding-3-large", 3072)])
def test_each_model_has_its_dimensions(model: str, dimensions: int) -> None:
    assert len(ask("text", model=model)["data"][0]["embedding"]) == dimensions


def test_prose_has_about_as_many_tokens_as_openai_finds() -> None:
    prose = "The borrower shall repay the outstanding principal of USD 1,250,000 in twelve quarterly instalments."
    assert 19 <= tokens.count(prose) <= 32
    assert tokens.count("") == tokens.count(" ") == 1
