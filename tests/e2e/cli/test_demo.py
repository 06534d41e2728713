from __future__ import annotations

import json
import shlex
from typing import Any

import pytest

from devstack.standin.api import KEY
from devstack.standin.control import Control
from devstack.standin.faults import Fault


@pytest.fixture
def environment(openai: Control) -> dict[str, str]:
    return {"OPENAI_BASE_URL": openai.base_url, "OPENAI_API_KEY": KEY}


def test_the_demonstration_runs_twice_in_a_row_and_everything_is_as_expected(
    millrace: Any, openai: Control, environment: dict[str, str]
) -> None:
    first = millrace("demo", **environment)
    assert first.returncode == 0, first.stdout + first.stderr
    shown = " ".join(first.stdout.split())
    for part in (
        "expectations of examples/expected.json hold",
        *("Totals in USD", "Totals in USD by desk, under base", "in 3 slices"),
        *("UNKNOWN_PRODUCT", "CALCULATION_FAILED", "recognised", "payload_conflict", "garbage", "from event to completion"),
        *("loan-agreement.pdf", "encrypted", "needs_ocr", "unchanged", "dead letter"),
        *(
            "critical Going concern in doubt",
            "board-minutes.docx, page 1 “Interest cover for the year is 2.4 times",
            "treasury run “Error",
        ),
        *("OpenAI was not asked and nothing was paid", "in all $0."),
    ):
        assert part in shown
    # Seven documents with text share requests; the copy asks for nothing.
    calls = openai.calls()
    assert calls.answered["responses"] == 1
    assert 1 <= calls.answered["embeddings"] <= 7
    try_next_steps(millrace, first.stderr, environment)

    again = millrace("demo", "--json", **environment)
    assert again.returncode == 0, again.stderr
    said = json.loads(again.stdout)
    assert said["ok"]
    assert all(check["holds"] for check in said["checks"])
    assert said["scenes"]["book"]["positions"] == 314
    assert set(said["scenes"]["desks"]["totals_by_group"]) == {"Credit", "Equities", "FX", "Lending", "Rates", "Treasury"}
    assert said["scenes"]["copy"]["cost_usd"] == 0
    assert said["answered_by"] == "stand-in"
    assert said["cost_usd"]["total"] == pytest.approx(said["cost_usd"]["documents"] + said["cost_usd"]["audits"])


def try_next_steps(millrace: Any, told: str, environment: dict[str, str]) -> None:
    steps = [line.split("-m millrace ")[1].split("    ")[0] for line in told.splitlines() if "-m millrace " in line]
    named = [shlex.split(step) for step in steps if not step.startswith("worker")]
    assert {arguments[0] for arguments in named} == {"results", "search", "dlq"}
    for arguments in named:
        result = millrace(*arguments, **environment)
        assert result.returncode == 0, f"{arguments}: {result.stderr}"
        assert result.stdout


def test_the_demonstration_fails_when_something_is_not_as_expected(
    millrace: Any, openai: Control, environment: dict[str, str]
) -> None:
    openai.add(Fault("refusal", endpoint="responses"))
    result = millrace("demo", OBJECT_MAX_BYTES="1024", **environment)
    assert result.returncode == 1
    assert "book: status should be 'partial', is 'failed'" in result.stdout
    assert "too_large" in result.stdout
    assert "audit: is_audited should be True, is False" in result.stdout
