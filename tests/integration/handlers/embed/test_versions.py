"""Versions of documents: the same bytes, changed ones, late ones, and those that are somebody else's."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID, uuid4

from events.event import Event
from events.failures import Conflict
from storage.database import Database
from storage.search import search
from storage.tenant import tenant_session
from tests.support.desk import MODEL, Desk, again, uploaded
from tests.support.documents import random_vectors

TEXTS_SHOWN = """
select document.version, array_agg(chunk.content order by chunk.ordinal) as texts
from documents as document
join document_chunks as chunk on chunk.document_id = document.document_id and chunk.version = document.chunks_version
where document.document_id = $1 and document.is_current group by 1
"""


def contract(*clauses: int, marked: str = "") -> str:
    """A text of one chunk a clause."""
    return "\n\n".join(f"{marked}Clause {number}. " + f"The borrower pays term {number}. " * 60 for number in clauses)


async def shown(desk: Desk, event: Event) -> dict[str, Any]:
    [row] = await desk.rows(TEXTS_SHOWN, UUID(event.data.document_id))
    return row


async def statuses(desk: Desk, *events: Event) -> list[tuple[str, int, float]]:
    """What became of the events, handled as one group: status, chunks reused, whether it cost something."""
    answers = await desk.handle(*events)
    assert all(isinstance(answer, dict) for answer in answers), answers
    return [(answer["status"], answer["chunks_reused"], answer["cost_usd"] > 0) for answer in answers]  # type: ignore[index]


async def test_the_same_bytes_as_the_next_version_are_unchanged_and_cost_nothing(desk: Desk) -> None:
    first = await desk.upload(contract(1, 2))
    second = again(first, version=2, filename="renamed.txt")
    assert await statuses(desk, first) == [("embedded", 0, True)]
    calls = desk.calls()
    assert await statuses(desk, second) == [("unchanged", 2, False)]
    assert desk.calls() == calls
    assert (await shown(desk, second))["version"] == 2
    assert await desk.value("select count(*) from document_chunks") == 2, "both versions show the same chunks"


async def test_bytes_that_come_back_after_others_are_unchanged(desk: Desk) -> None:
    first = await desk.upload(contract(1))
    changed = await desk.upload(contract(2), document_id=first.data.document_id, version=2)
    await desk.handle(first)
    await desk.handle(changed)
    back = again(first, version=3)
    assert await statuses(desk, back) == [("unchanged", 1, False)]
    assert (await shown(desk, back))["texts"] == [contract(1).strip()]


async def test_the_same_bytes_as_another_document_have_chunks_of_their_own_and_cost_nothing(desk: Desk) -> None:
    first, other = await desk.upload(contract(1, 2)), await desk.upload(contract(1, 2))
    await desk.handle(first)
    calls = desk.calls()
    assert await statuses(desk, other) == [("unchanged", 2, False)]
    assert desk.calls() == calls
    assert (await shown(desk, other))["texts"] == (await shown(desk, first))["texts"]
    assert await desk.value("select count(distinct chunk_id) from document_chunks") == 4


async def test_the_same_bytes_at_once_are_asked_for_once_and_paid_by_one(desk: Desk) -> None:
    events = [await desk.upload(contract(1, 2)) for _ in range(3)]
    became = await statuses(desk, *events)
    assert sorted(became) == [("embedded", 0, True), ("embedded", 2, False), ("embedded", 2, False)]
    assert desk.calls() == 1
    assert await desk.value("select sum(cost_usd) from documents") == await desk.value("select sum(cost_usd) from llm_calls")


async def test_the_same_bytes_of_another_client_are_embedded_again(desk: Desk) -> None:
    ours, theirs = await desk.upload(contract(1)), await desk.upload(contract(1), client_id="rival")
    await desk.handle(ours)
    assert await statuses(desk, theirs) == [("embedded", 0, True)]
    assert desk.calls() == 2


async def test_the_same_bytes_that_are_said_to_be_another_format_are_read_again(desk: Desk) -> None:
    text = await desk.upload("<p>one</p>", "a.txt")
    page = await desk.upload("<p>one</p>", "a.html", document_id=text.data.document_id, version=2)
    await desk.handle(text)
    await desk.handle(page)
    assert await shown(desk, page) == {"version": 2, "texts": ["one"]}


async def test_of_a_changed_file_only_the_new_texts_are_asked(desk: Desk) -> None:
    first = await desk.upload(contract(1, 2, 3))
    changed = await desk.upload(contract(1, 4, 3), document_id=first.data.document_id, version=2)
    await desk.handle(first)
    assert await statuses(desk, changed) == [("embedded", 2, True)]
    assert [len(call.inputs) for call in desk.openai.calls().calls] == [3, 1]
    assert (await shown(desk, changed))["texts"] == [contract(number).strip() for number in (1, 4, 3)]


async def test_while_a_changed_file_is_swapped_in_readers_see_a_whole_version_always(database: Database, desk: Desk) -> None:
    marks = [f"version {number}: " for number in range(1, 6)]
    uploads = [await desk.upload(contract(*range(40), marked=marks[0]), version=1)]
    for number, mark in enumerate(marks[1:], start=2):
        content = contract(*range(40), marked=mark)
        uploads.append(await desk.upload(content, document_id=uploads[0].data.document_id, version=number))
    seen: list[set[str]] = []
    looks, done = 0, False
    await desk.handle(uploads[0])

    async def look() -> None:
        nonlocal looks
        while not done:
            async with tenant_session(database, "acme") as connection:
                hits = await search(connection, random_vectors(1)[0], MODEL, 1000)
            looks += 1
            assert len(hits) == 40
            versions = {hit.content.partition(": ")[0] for hit in hits}
            assert len(versions) == 1
            if versions not in seen:
                seen.append(versions)

    async def looked(times: int) -> None:
        before = looks
        while looks < before + times and not any(reader.done() for reader in readers):  # noqa: ASYNC110 - as in their loop
            await asyncio.sleep(0.01)

    readers = [asyncio.create_task(look()) for _ in range(2)]
    await looked(1)  # or the first version may be gone before anybody has seen it
    for upload in uploads[1:]:
        await desk.handle(upload)
        await looked(4)  # two looks may have begun before the swap: of four that end after it two began after it
    done = True
    await asyncio.gather(*readers)
    assert seen == [{f"version {number}"} for number in range(1, 6)]


async def test_a_version_after_a_higher_one_is_superseded_and_asks_nothing(desk: Desk) -> None:
    second = await desk.upload(contract(2), version=2)
    first = await desk.upload(contract(1), document_id=second.data.document_id, version=1)
    await desk.handle(second)
    calls = desk.calls()
    assert await statuses(desk, first) == [("superseded", 0, False)]
    assert desk.calls() == calls
    assert (await shown(desk, second))["version"] == 2


async def test_a_version_that_is_overtaken_while_it_is_worked_on_is_superseded_and_tells_its_cost(desk: Desk) -> None:
    first = await desk.upload(contract(1))
    second = await desk.upload(contract(2), document_id=first.data.document_id, version=2)
    late = await desk.outcome(first)
    await desk.handle(second)
    [answer] = await desk.save([first], [late])
    assert isinstance(answer, dict)
    assert (answer["status"], answer["chunks"]) == ("superseded", 0)
    assert answer["cost_usd"] > 0
    assert await shown(desk, second) == {"version": 2, "texts": [contract(2).strip()]}
    assert await desk.value("select count(*) from document_chunks") == 1


async def test_after_a_failed_version_the_one_before_stays(desk: Desk) -> None:
    first = await desk.upload(contract(1))
    broken = await desk.upload("no such thing", "a.pdf", document_id=first.data.document_id, version=2)
    await desk.handle(first)
    assert [status for status, *_ in await statuses(desk, broken)] == ["failed"]
    assert (await shown(desk, first))["version"] == 1


async def test_the_same_version_under_another_event_is_answered_from_what_is_stored(desk: Desk) -> None:
    first = await desk.upload(contract(1))
    [answer] = await desk.handle(first)
    calls = desk.calls()
    assert await desk.handle(again(first), again(first)) == [answer, answer]
    assert desk.calls() == calls
    assert await desk.value("select count(*) from documents") == 1


async def test_twins_in_one_group_are_one_document(desk: Desk) -> None:
    first = await desk.upload(contract(1))
    answers = await desk.handle(first, again(first), again(first))
    assert answers[1:] == [answers[0]] * 2
    assert desk.calls() == 1
    assert await desk.value("select count(*) from document_chunks") == 1


async def test_the_same_version_with_another_input_is_a_conflict_before_anything_is_asked(desk: Desk) -> None:
    first = await desk.upload(contract(1))
    await desk.handle(first)
    calls = desk.calls()
    other = await desk.upload(contract(2), document_id=first.data.document_id)
    neighbour = await desk.upload(contract(1))
    refused, answer = await desk.handle(other, neighbour)
    assert isinstance(refused, Conflict)
    assert refused.code == "input_conflict"
    assert isinstance(answer, dict)
    assert answer["status"] == "unchanged"
    assert desk.calls() == calls
    await desk.objects.put(first.data.uri, contract(3).encode())
    assert isinstance((await desk.handle(again(first)))[0], Conflict), "other bytes behind the same uri are another input"


async def test_of_two_inputs_for_one_version_in_a_group_one_is_a_conflict(desk: Desk) -> None:
    first = await desk.upload(contract(1))
    other = await desk.upload(contract(2), document_id=first.data.document_id)
    answers = await desk.handle(first, other)
    assert [type(answer) for answer in answers] == [dict, Conflict]
    assert (await shown(desk, first))["texts"] == [contract(1).strip()]


async def test_another_clients_document_is_a_conflict_and_tells_nothing(desk: Desk) -> None:
    first = await desk.upload(contract(1), client_id="rival")
    await desk.handle(first)
    for version in (1, 2):
        [refused] = await desk.handle(again(first, client_id="acme", version=version))
        assert isinstance(refused, Conflict)
        assert "rival" not in refused.message
    assert desk.calls() == 1
    assert await desk.value("select count(*) from documents") == 1


async def test_a_client_cannot_find_what_another_has(database: Database, desk: Desk) -> None:
    await desk.handle(await desk.upload("The secret of rival.", client_id="rival"), await desk.upload("Ours."))
    for client_id, texts in {"acme": ["Ours."], "rival": ["The secret of rival."], "nobody": []}.items():
        async with tenant_session(database, client_id) as connection:
            hits = await search(connection, random_vectors(1)[0], MODEL, 9)
            everything = await connection.fetch("select content from document_chunks")
            names = await connection.fetch("select filename from documents")
        assert [hit.content for hit in hits] == [row["content"] for row in everything] == texts
        assert len(names) == len(texts)


async def test_a_failure_gives_way_to_a_higher_generation_of_the_same_event(desk: Desk) -> None:
    event = uploaded(uri=f"late/{uuid4()}.txt")
    [failed] = await desk.handle(event)
    assert isinstance(failed, dict)
    assert failed["failure"]["code"] == "not_found"
    await desk.objects.put(event.data.uri, contract(1).encode())
    assert await desk.handle(again(event)) == [failed], "the same generation is answered from what is stored"
    assert await statuses(desk, again(event, generation=1)) == [("embedded", 0, True)]
    [row] = await desk.rows("select status, generation, is_current from documents")
    assert row == {"status": "embedded", "generation": 1, "is_current": True}
    assert (await shown(desk, event))["texts"] == [contract(1).strip()]


async def test_what_is_embedded_gives_way_to_no_generation(desk: Desk) -> None:
    event = await desk.upload(contract(1))
    [answer] = await desk.handle(event)
    assert await desk.handle(again(event, generation=1)) == [answer]
    assert desk.calls() == 1


async def test_a_document_whose_file_has_gone_is_answered_from_what_is_stored(desk: Desk) -> None:
    event = await desk.upload(contract(1))
    [answer] = await desk.handle(event)
    [gone] = await desk.save([again(event)], [await desk.outcome(again(event, uri="none.txt"))])
    assert gone == answer


async def test_two_workers_with_one_document_leave_one_current_version(make_desk: Any) -> None:
    desks = [make_desk(), make_desk()]
    uploads = [await desks[0].upload(contract(1), version=1)]
    for version in range(2, 9):
        uploads.append(await desks[0].upload(contract(version), document_id=uploads[0].data.document_id, version=version))
    results = [await desks[0].outcome(upload) for upload in uploads]
    pairs = list(zip(uploads, results, strict=True))
    await asyncio.gather(
        *(desk.save([event], [result]) for desk in desks for event, result in pairs[:: 1 if desk is desks[0] else -1])
    )
    assert await shown(desks[0], uploads[0]) == {"version": 8, "texts": [contract(8).strip()]}
    assert {row["status"] for row in await desks[0].rows("select status from documents")} <= {"embedded", "superseded"}
