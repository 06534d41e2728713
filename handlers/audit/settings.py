"""What may be tuned in audits."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AuditSettings:
    """The model that is asked, and the bounds of one audit.

    `evidence_tokens` and `output_tokens` are the most that go in as evidence and may come out; `wait_seconds` is how long
    named documents and runs are waited for.
    """

    model: str = "gpt-5.4-mini"
    evidence_tokens: int = 100_000
    output_tokens: int = 16_000
    wait_seconds: float = 900.0
