"""One audit: as much evidence as its budget allows, one question to the model, an answer that is checked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, TypedDict

import numpy as np
import orjson
from numpy.typing import NDArray

from events.audit import AuditCreated
from events.failures import Permanent
from handlers.audit.budget import Budget
from handlers.audit.citations import check
from handlers.audit.evidence import Evidence, estimated_tokens
from handlers.audit.gathering import Gathering, Sources
from handlers.audit.prompt import INSTRUCTIONS, prompt
from handlers.audit.question import Questions
from handlers.audit.schema import SCHEMA_NAME, Draft, answer_schema, draft_of, most_severe_first, require_draft
from handlers.audit.settings import AuditSettings
from handlers.audit.stored import Audited
from handlers.llm import Asker, Llm, LlmAnswer
from handlers.llm.request import request_sha256, responses_body
from storage.llm_calls import SpentAsking, spent_asking


class Question(TypedDict):
    """What the model is asked, as `Llm.respond` takes it."""

    model: str
    instructions: str
    prompt: str
    schema: dict[str, Any]
    schema_name: str
    max_output_tokens: int


@dataclass(frozen=True, slots=True)
class Request:
    """A question about this evidence, for which `usd` are left."""

    evidence: Evidence
    question: Question
    usd: Decimal

    @property
    def digest(self) -> bytes:
        """What its answer is found by in the ledger."""
        return request_sha256("responses", responses_body(**self.question))


class Asking:
    """Asks `settings.model`; what it was asked before on behalf of the same event is not asked again."""

    def __init__(self, llm: Llm, gathering: Gathering, questions: Questions, settings: AuditSettings) -> None:
        self.llm, self.gathering, self.questions, self.settings = llm, gathering, questions, settings

    async def audit(self, asker: Asker, audit: AuditCreated, sources: Sources, started_at: datetime) -> Audited:
        """What the model makes of the sources.

        Raises Permanent, code budget_exceeded, when what is left of the budget does not even pay for one passage and a short
        answer, or too_large when the assignment is as long as evidence may be; Outage, Transient and Permanent as `Llm` does.
        """
        spent = await self._spent(asker)
        request = await self._paid_request(asker, audit, sources, spent)
        request = request or await self._request(asker, audit, sources, spent.usd)
        if request is None:
            budget = f"budget_usd {audit.budget_usd:g}" + (
                f", of which {spent.usd.normalize():f} is spent," if spent.usd else ""
            )
            raise Permanent("budget_exceeded", f"{budget} does not pay for an answer about any evidence")
        answer = await self.llm.respond(asker, **request.question, check=require_draft, budget_usd=request.usd)
        return self._audited(answer, audit, request, started_at)

    async def _spent(self, asker: Asker) -> SpentAsking:
        if asker.event_key is None:
            return SpentAsking(Decimal(0), None, Decimal(0))
        await self.llm.settled()
        async with self.gathering.database.connection() as connection:
            return await spent_asking(connection, asker.event_key)

    async def _paid_request(self, asker: Asker, audit: AuditCreated, sources: Sources, spent: SpentAsking) -> Request | None:
        """The request that has its answer, as it was made with what was left then; None if it would be another one today."""
        if spent.answered is None:
            return None
        request = await self._request(asker, audit, sources, spent.usd_before)
        return request if request is not None and request.digest == spent.answered else None

    async def _request(self, asker: Asker, audit: AuditCreated, sources: Sources, spent: Decimal) -> Request | None:
        """The request with as much evidence as there is room for; None if there is none."""
        said = f"{audit.title}\n\n{audit.instructions}"
        left = Decimal(str(audit.budget_usd)) - spent - self.questions.most_usd(said)
        budget = Budget(left, self.llm.prices.of(self.settings.model), self.settings.output_tokens)
        frame = self._frame_tokens(audit)
        room = max(0, min(self.settings.evidence_tokens, budget.prompt_tokens - frame))

        async def question() -> NDArray[np.float32]:
            return await self.questions.vector(asker, said)

        evidence = await self.gathering.evidence(asker.client_id, sources, room, question)
        if not evidence.passages:
            return None
        output_tokens = budget.answer_tokens(frame + sum(passage.cost for passage in evidence.passages))
        return Request(evidence, self._question(audit, evidence, output_tokens), left)

    def _frame_tokens(self, audit: AuditCreated) -> int:
        """The tokens of all that is not evidence. Raises Permanent, too_large, for an assignment that leaves it no room."""
        assignment = estimated_tokens(audit.title + audit.instructions)
        if assignment > self.settings.evidence_tokens:
            size = f"title and instructions have about {assignment} tokens"
            raise Permanent("too_large", f"{size}, more than {self.settings.evidence_tokens}")
        schema = orjson.dumps(answer_schema(audit.max_findings)).decode()
        return assignment + estimated_tokens(INSTRUCTIONS) + estimated_tokens(schema)

    def _question(self, audit: AuditCreated, evidence: Evidence, output_tokens: int) -> Question:
        asked = prompt(audit, evidence)
        return Question(
            model=self.settings.model,
            instructions=asked.instructions,
            prompt=asked.text,
            schema=answer_schema(audit.max_findings),
            schema_name=SCHEMA_NAME,
            max_output_tokens=output_tokens,
        )

    def _audited(self, answer: LlmAnswer, audit: AuditCreated, request: Request, started_at: datetime) -> Audited:
        audited = Audited(started_at, request.evidence, answer.answered_model or self.settings.model, "failed")
        if answer.outcome == "refused":
            audited.status, audited.summary = "refused", answer.text
            return audited
        try:
            draft = _draft(answer, request.question["max_output_tokens"])
        except Permanent as failure:
            audited.failure = failure
            return audited
        drafts = most_severe_first(draft.findings)
        audited.findings, audited.notes = check(drafts, request.evidence.passages, audit.max_findings)
        audited.status, audited.summary = "needs_review" if audited.notes else "completed", draft.summary
        return audited


def _draft(answer: LlmAnswer, output_tokens: int) -> Draft:
    if answer.outcome == "truncated":
        raise Permanent("truncated", f"the model's answer was cut off after {output_tokens} tokens")
    if answer.outcome == "malformed":
        raise Permanent("malformed_answer", "the model's answer is not JSON of the schema")
    return draft_of(answer.parsed)
