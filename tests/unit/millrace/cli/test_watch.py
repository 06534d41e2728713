from __future__ import annotations

from typing import Any

import pytest

from millrace.cli.output import harmless
from millrace.cli.watch import as_line

COMPLETION: dict[str, Any] = {
    "time": "2026-01-15T18:00:00.120000Z",
    "clientid": "acme",
    "subject": "run-1",
    "data": {"status": "partial", "positions": 3, "errors": 2},
}


def test_a_completion_is_one_line_with_what_it_counted() -> None:
    line = as_line(COMPLETION)
    assert line.startswith("18:00:00")
    assert line.endswith("run-1  3 positions, 2 errors")


def test_a_failed_completion_says_why() -> None:
    failure = {"code": "too_large", "message": "split the portfolio"}
    assert as_line(COMPLETION | {"data": {"status": "failed", "failure": failure}}).endswith("too_large: split the portfolio")


@pytest.mark.parametrize(
    "data", [{"status": "odd"}, {"status": "failed", "failure": {"code": "\x1b[2J"}}, {"status": "\x1b[2J"}]
)
def test_what_others_publish_is_told_without_steering_the_terminal(data: dict[str, Any]) -> None:
    assert "\x1b[2J" not in as_line({"data": data})


def test_text_keeps_its_lines_and_loses_what_steers_a_terminal() -> None:
    assert harmless('{\n\t"a": "ü"}') == '{\n\t"a": "ü"}'
    assert harmless("\x1b]0;title\x07\u202e") == r"\x1b]0;title\x07\u202e"
