"""A worker that is told to stop while it embeds a document: nothing is half stored, the next one pays for the rest alone."""

from __future__ import annotations

from uuid import uuid4

from devstack.standin.control import Control
from devstack.standin.faults import Fault
from tests.support.papers import Paper
from tests.support.rig import Rig, eventually
from tests.support.worker_process import Workers

STORED = ("documents", "document_chunks", "inbox", "outbox", "retries", "dead_letters")
# More than one request takes.
CLAUSES = 700


async def test_a_document_that_is_being_embedded_when_its_worker_stops_is_finished_by_another(
    documents_rig: Rig, document_workers: Workers, openai: Control
) -> None:
    paper = contract()
    await documents_rig.objects.put(paper.uri, paper.content)
    # The first request is answered; the second is under way when the worker has to go.
    openai.add(Fault("slow", endpoint="embeddings", seconds=100, times=None, skip=1))
    first = await document_workers.start()
    await documents_rig.publish([paper.event()])
    await documents_rig.until("select count(*) from llm_calls", expected=1)
    await eventually(lambda: is_asked_again(openai), expected=True)

    assert await first.terminate() == 0

    paid = await documents_rig.count("embeddings")
    assert paid > 0
    assert {table: await documents_rig.count(table) for table in STORED} == dict.fromkeys(STORED, 0)
    openai.reset()
    await document_workers.start()
    await documents_rig.until("select count(*) from inbox", expected=1)
    [row] = await documents_rig.rows("select status, chunks, cost_usd, tokens from documents")
    [ledger] = await documents_rig.rows("select sum(cost_usd) as cost_usd, sum(input_tokens)::int as tokens from llm_calls")
    assert (row["status"], row["chunks"]) == ("embedded", await documents_rig.count("document_chunks"))
    assert (row["cost_usd"], row["tokens"]) == (ledger["cost_usd"], ledger["tokens"])
    assert sum(len(call.inputs) for call in openai.calls().calls) == row["chunks"] - paid


async def is_asked_again(openai: Control) -> bool:
    return openai.calls().received["embeddings"] > 1


def contract() -> Paper:
    """A document of as many chunks as clauses, no two of them alike."""
    words = "interest shall be paid on each payment date " * 40
    content = "\n\n".join(f"Clause {number}. {words}" for number in range(CLAUSES)).encode()
    return Paper("d-1", "acme", str(uuid4()), 1, "contract.txt", content, None, None)
