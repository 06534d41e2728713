"""`millrace search`: the passages of a client's documents that are nearest to a text in meaning."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from millrace.cli.output import Json, data, harmless, note, print_json
from millrace.cli.wording import STAND_IN_REMARK, is_stand_in, usd

if TYPE_CHECKING:
    from decimal import Decimal

    from millrace.settings import Settings
    from storage.search import Hit

FLOW = "search"
EXCERPT = 400


class Found(NamedTuple):
    """The hits, nearest first; how many chunks other models embedded; the model that embedded the text, and what it cost."""

    hits: Sequence[Hit]
    passed_over: int
    model: str
    cost_usd: Decimal


def search(
    text: Annotated[str, typer.Argument(help="What to look for: a question, a clause, a few words.")],
    client: Annotated[str, typer.Option(help="The client whose documents are searched, and no other's.")],
    limit: Annotated[int, typer.Option(min=1, max=200, help="At most so many passages.")] = 10,
    as_json: Json = False,
) -> None:
    """Find the passages of a client's current documents that are nearest to a text in meaning, nearest first.

    The text is embedded by EMBEDDING_MODEL, which costs next to nothing and is entered in the ledger. Passages that another
    model embedded cannot be compared, and are passed over.
    """
    from events.text import is_client_id
    from millrace.cli.servers import quiet, settings

    if not is_client_id(client):
        raise typer.BadParameter("must be letters, digits, dots, underscores and hyphens, at most 64", param_hint="--client")
    if not _is_utf8(text):
        raise typer.BadParameter("is no UTF-8", param_hint="TEXT")
    if not text.strip():
        raise typer.BadParameter("is empty", param_hint="TEXT")
    chosen = settings("database_url")
    quiet()
    found = _found(chosen, client, text, limit)
    if as_json:
        hits = [hit._asdict() for hit in found.hits]
        ledger = {"model": found.model, "stand_in": is_stand_in(found.model), "cost_usd": float(found.cost_usd)}
        print_json({"data": hits, "of_other_models": found.passed_over} | ledger)
        return
    for place, hit in enumerate(found.hits, 1):
        _print(place, hit)
    _conclude(found, client)


def _is_utf8(text: str) -> bool:
    """Whether a text can be sent and kept: an argument that is no UTF-8 arrives with lone surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _found(chosen: Settings, client: str, text: str, limit: int) -> Found:
    from events.failures import Failure
    from millrace.cli.servers import reaching_database
    from millrace.doctor.judging import OPENAI_AWAY
    from millrace.failures import CommandError, Unreachable

    try:
        with reaching_database(chosen.need("database_url")):
            return asyncio.run(_search(chosen, client, text, limit))
    except Failure as failure:
        if failure.code == OPENAI_AWAY:
            raise Unreachable(f"OpenAI does not answer: {failure.message}", "What else is wrong: millrace doctor") from None
        raise CommandError(f"the text cannot be embedded: {failure}") from None


async def _search(chosen: Settings, client: str, text: str, limit: int) -> Found:
    from handlers.llm import Asker
    from millrace.composition import llm_of
    from storage import search as stored
    from storage.database import Database
    from storage.tenant import tenant_session

    database = Database(chosen.need("database_url"), pool_size=1, application_name="millrace-cli")
    llm = llm_of(chosen, database)
    try:
        await database.ping()  # nothing is paid for that cannot be entered
        embedded = await llm.embed(Asker(client, FLOW, None), chosen.embedding_model, [text])
        await llm.record(embedded.call)
        model = llm.name_of(chosen.embedding_model)
        async with tenant_session(database, client) as connection:
            hits = await stored.search(connection, embedded.vectors[0], model, limit)
            others = await stored.count_of_other_models(connection, model)
    finally:
        await llm.close()
        await database.close()
    return Found(hits, others, model, embedded.cost_usd)


def _print(place: int, hit: Hit) -> None:
    from rich.markup import escape

    page = f"page {hit.page}" + (f" ({hit.label})" if hit.label and hit.label != str(hit.page) else "")
    where = escape(harmless(f"{hit.filename}, {page}"))
    data().print(f"[bold]{place}[/]  {hit.similarity:.3f}  [bold]{where}[/]  [dim]{hit.document_id}[/]")
    excerpt = " ".join(hit.content.split())
    data().print(harmless(excerpt if len(excerpt) <= EXCERPT else excerpt[:EXCERPT] + "…"), markup=False, soft_wrap=True)
    data().print()


def _conclude(found: Found, client: str) -> None:
    if not found.hits:
        note(f"{client} has no document in which to search.")
    if found.passed_over:
        note(f"[yellow]{found.passed_over} passages were embedded by other models and not compared[/]")
    note(f"[dim]The search cost {usd(found.cost_usd)}.[/]")
    if is_stand_in(found.model):
        note(STAND_IN_REMARK)
