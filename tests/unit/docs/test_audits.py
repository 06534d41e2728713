from __future__ import annotations

import json
import re
from typing import get_args

from events.audit import AuditCompleted, AuditCreated, AuditFailureCode, AuditStatus, Doubt
from events.envelope import Envelope
from handlers.audit import budget, prompt, quotes, settings, valuations
from handlers.llm import LlmConfig
from tests.support.markdown import fenced, first_cells, read, section


def test_every_failure_code_state_and_reason_is_told() -> None:
    codes, states = set(get_args(AuditFailureCode)), set(get_args(AuditStatus))
    assert set(first_cells(section(read("docs/audits.md"), "States"))) == codes | states
    assert set(first_cells(section(read("docs/audits.md"), "Citations"))) == set(get_args(Doubt))
    told = section(read("docs/events.md"), "audit.completed.v1")
    assert all(f"`{code}`" in told for code in codes | states)


def test_the_completion_in_the_docs_is_one_and_all_fields_of_a_request_are_told() -> None:
    told = json.loads(fenced(section(read("docs/events.md"), "audit.completed.v1"))[0])
    completion = Envelope[AuditCompleted].model_validate(told)
    assert set(told["data"]) == set(AuditCompleted.model_fields) - {"failure"}
    assert completion.data.status == "completed"
    assert first_cells(section(read("docs/events.md"), "audit.created.v1")) == list(AuditCreated.model_fields)


def test_the_figures_in_the_docs_are_those_of_the_code() -> None:
    text = read("docs/audits.md")
    defaults = settings.AuditSettings()
    assert f"at most {defaults.evidence_tokens:,} tokens" in text
    assert f"at {defaults.output_tokens:,} tokens" in text
    assert f"up to {defaults.output_tokens:,} tokens" in text
    assert f"an answer of {budget.SHORTEST_ANSWER:,} tokens" in text
    assert f"never\n   less than {budget.SHORTEST_ANSWER:,} tokens" in text
    assert f"fewer than {quotes.SHORTEST} letters and digits" in text
    assert LlmConfig("", None, "").tries == 3
    assert "up to three times" in text
    assert f"After {defaults.wait_seconds / 60:g} minutes" in text
    assert f"more than {valuations.FIRST_SCENARIOS} scenarios the first {valuations.FIRST_SCENARIOS}" in text
    [code] = re.findall(r"<chunk-([0-9a-f]+) id=", text)
    assert len(code) == prompt.NONCE_DIGITS
