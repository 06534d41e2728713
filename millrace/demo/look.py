"""Reads what the database has of the scenes: that is what counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from handlers.audit.quotes import holds
from handlers.audit.valuations import run_passage
from millrace.demo.outcome import Cited, GroupTotal, Outcome
from millrace.demo.play import Place
from storage import dead_letters
from storage.database import Connection, Database
from storage.evidence import chunks_in_order, named_documents, run_errors
from storage.result_views import read_results, read_totals
from storage.runs import read_run, stored_runs
from storage.tenant import tenant_session

MOST_ROWS = 1_000
MOST_LETTERS = 50


async def look(database: Database, client: str, outcomes: Sequence[Outcome], places: Mapping[Place, Outcome]) -> None:
    """Adds runs, their errors and totals by group, dead letters and the citations of audits to the outcomes.

    What belongs to the client is read as that client, who sees nothing else.
    """
    async with tenant_session(database, client) as connection:
        for outcome in outcomes:
            if outcome.scene.flow == "runs" and outcome.scene.task_id:
                await _add_run(connection, outcome)
            elif outcome.scene.flow == "audits":
                outcome.citations = await _cited(connection, outcome, _names(outcomes))
    async with database.connection() as connection:
        letters, _ = await dead_letters.page(connection, status=None, limit=MOST_LETTERS)
    for letter in letters:
        place = letter["topic"], letter["partition"], letter["offset"]
        if place in places:
            places[place].dead_letters.append(letter)


async def _add_run(connection: Connection, outcome: Outcome) -> None:
    run_id = UUID(outcome.scene.task_id)
    outcome.run = run = await read_run(connection, run_id)
    if run is not None:
        outcome.error_rows = await read_results(connection, run_id, run.generation, limit=MOST_ROWS, errors_only=True)
        outcome.group_totals = [GroupTotal(*row) for row in await read_totals(connection, run_id, run.generation)]


async def _cited(connection: Connection, audit: Outcome, names: Mapping[str, str]) -> list[Cited]:
    """The citations of an audit, each held against the text that it cites."""
    cited = [
        (place, citation) for place, finding in enumerate(audit.said.get("findings", ())) for citation in finding["citations"]
    ]
    sources = {UUID(citation["document_id"]) for _, citation in cited}
    texts = await _texts(connection, list(sources))
    return [
        Cited(
            place,
            names.get(citation["document_id"], citation["document_id"]),
            citation["page"],
            citation["quote"],
            holds(citation["quote"], texts.get(citation["chunk_id"], "")),
        )
        for place, citation in cited
    ]


async def _texts(connection: Connection, sources: Sequence[UUID]) -> dict[str, str]:
    """The texts that can be cited of these documents and runs, by the ids of their chunks."""
    documents = await named_documents(connection, sources)
    chunks = await chunks_in_order(connection, list(documents.values()))
    texts = {str(chunk.chunk_id): chunk.content for chunk in chunks}
    runs = await stored_runs(connection, sources)
    errors = await run_errors(connection, list(runs.values()))
    for run in runs.values():
        texts[str(run.run_id)] = run_passage(run, [each for each in errors if each.run_id == run.run_id]).text
    return texts


def _names(outcomes: Sequence[Outcome]) -> dict[str, str]:
    """What people call a document or run, by its id."""
    known = [outcome.scene for outcome in outcomes if outcome.scene.task_id]
    return {str(scene.task_id): scene.filename or f"{scene.name} run" for scene in known}
