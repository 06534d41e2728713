"""One audit: as much evidence as its budget allows, one question to the model, an answer that is checked."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import numpy as np
import orjson
from numpy.typing import NDArray

from events.audit import AuditCreated
from events.failures import Permanent
from handlers.audit.citations import check
from handlers.audit.evidence import Evidence, affordable_tokens, estimated_tokens
from handlers.audit.gathering import Gathering, Sources
from handlers.audit.prompt import INSTRUCTIONS, prompt
from handlers.audit.question import Questions
from handlers.audit.schema import SCHEMA_NAME, Draft, answer_schema, draft_of, most_severe_first
from handlers.audit.settings import AuditSettings
from handlers.audit.stored import Audited
from handlers.llm import Asker, Llm, LlmAnswer


class Asking:
    """Asks `settings.model`; what it was asked before on behalf of the same event is not asked again."""

    def __init__(self, llm: Llm, gathering: Gathering, questions: Questions, settings: AuditSettings) -> None:
        self.llm, self.gathering, self.questions, self.settings = llm, gathering, questions, settings

    async def audit(self, asker: Asker, audit: AuditCreated, sources: Sources, started_at: datetime) -> Audited:
        """What the model makes of the sources.

        Raises Permanent, code budget_exceeded, when not even one passage can be paid for, or too_large when the assignment
        is as long as evidence may be; Outage, Transient and Permanent as `Llm` does. Nothing has been paid for an answer then.
        """
        room = self._room(audit)

        async def question() -> NDArray[np.float32]:
            return await self.questions.vector(asker, f"{audit.title}\n\n{audit.instructions}")

        evidence = await self.gathering.evidence(asker.client_id, sources, room, question)
        if not evidence.passages:
            raise Permanent("budget_exceeded", f"budget_usd {audit.budget_usd:g} does not pay for an answer about any evidence")
        answer = await self._respond(asker, audit, evidence)
        return self._audited(answer, audit, evidence, started_at)

    def _room(self, audit: AuditCreated) -> int:
        """The most tokens of evidence, with which question and longest answer cost no more than the budget."""
        assignment = estimated_tokens(audit.title + audit.instructions)
        if assignment > self.settings.evidence_tokens:
            size = f"title and instructions have about {assignment} tokens"
            raise Permanent("too_large", f"{size}, more than {self.settings.evidence_tokens}")
        frame = estimated_tokens(INSTRUCTIONS) + estimated_tokens(orjson.dumps(answer_schema(audit.max_findings)).decode())
        price = self.llm.prices.of(self.settings.model)
        affordable = affordable_tokens(
            Decimal(str(audit.budget_usd)), self.settings.output_tokens, price.input_usd, price.output_usd
        )
        return max(0, min(self.settings.evidence_tokens, affordable - assignment - frame))

    async def _respond(self, asker: Asker, audit: AuditCreated, evidence: Evidence) -> LlmAnswer:
        asked = prompt(audit, evidence)
        return await self.llm.respond(
            asker,
            self.settings.model,
            instructions=asked.instructions,
            prompt=asked.text,
            schema=answer_schema(audit.max_findings),
            schema_name=SCHEMA_NAME,
            max_output_tokens=self.settings.output_tokens,
        )

    def _audited(self, answer: LlmAnswer, audit: AuditCreated, evidence: Evidence, started_at: datetime) -> Audited:
        audited = Audited(started_at, evidence, answer.answered_model or self.settings.model, "failed")
        if answer.outcome == "refused":
            audited.status, audited.summary = "refused", answer.text
            return audited
        try:
            draft = self._draft(answer)
        except Permanent as failure:
            audited.failure = failure
            return audited
        drafts = most_severe_first(draft.findings)[: audit.max_findings]
        audited.findings, audited.notes = check(drafts, evidence.passages)
        audited.status, audited.summary = "needs_review" if audited.notes else "completed", draft.summary
        return audited

    def _draft(self, answer: LlmAnswer) -> Draft:
        if answer.outcome == "truncated":
            raise Permanent("truncated", f"the model's answer was cut off after {self.settings.output_tokens} tokens")
        if answer.outcome == "malformed":
            raise Permanent("malformed_answer", "the model's answer is not JSON of the schema")
        return draft_of(answer.parsed)
