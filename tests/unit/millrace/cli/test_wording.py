from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from millrace.cli.wording import in_words, is_stand_in, severities, usd

DOCUMENT: dict[str, Any] = {"pages": 3, "chunks": 12, "chunks_reused": 0, "cost_usd": 0.000123}
AUDIT: dict[str, Any] = {
    "findings": [{"severity": "low"}, {"severity": "critical"}, {"severity": "low"}],
    "model": "gpt-5.4-mini",
    "cost_usd": 0.0123,
}


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"positions": 3, "errors": 2}, "3 positions, 2 errors"),
        (DOCUMENT, "3 pages, 12 chunks, $0.000123"),
        (DOCUMENT | {"pages": 1, "chunks": 1, "chunks_reused": 1, "cost_usd": 0}, "1 page, 1 chunk (1 reused), $0"),
        (AUDIT, "3 findings (1 critical, 2 low), $0.012300, by gpt-5.4-mini"),
        (AUDIT | {"findings": []}, "no findings, $0.012300, by gpt-5.4-mini"),
        (
            AUDIT | {"model": "gpt-5.4-mini-stand-in"},
            "3 findings (1 critical, 2 low), $0.012300, by the stand-in for OpenAI (gpt-5.4-mini-stand-in)",
        ),
        (DOCUMENT | {"cost_usd": 0, "failure": {"code": "encrypted", "message": "it is locked"}}, "encrypted: it is locked"),
        (AUDIT | {"failure": {"code": "truncated", "message": "cut"}}, "truncated: cut, $0.012300"),
    ],
)
def test_a_completion_is_told_in_a_few_words(data: dict[str, Any], words: str) -> None:
    assert in_words(data) == words


@pytest.mark.parametrize(
    "data",
    [{}, {"chunks": None}, {"findings": 7}, {"findings": [1]}, {"failure": 3}, {"failure": {}}, {"chunks": 1, "cost_usd": "x"}],
)
def test_whatever_others_publish_is_told(data: dict[str, Any]) -> None:
    assert isinstance(in_words(data), str)


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        (0, "$0"),
        (Decimal(0), "$0"),
        (Decimal("1234.5"), "$1,234.500000"),
        (4e-9, "less than $0.000001"),
        (None, "no cost told"),
    ],
)
def test_amounts_are_told_to_a_millionth(amount: Any, words: str) -> None:
    assert usd(amount) == words


def test_a_severity_that_nobody_knows_is_counted_without_a_name() -> None:
    assert severities(["odd"]) == "1 finding"


def test_the_stand_in_is_known_by_the_name_of_its_model() -> None:
    assert is_stand_in("text-embedding-3-small-stand-in")
    assert not is_stand_in("gpt-5.4-mini")
    assert not is_stand_in(None)
