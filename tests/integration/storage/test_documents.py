from __future__ import annotations

import asyncio
from uuid import UUID, uuid4

import asyncpg
import pytest

from storage.database import Database
from storage.documents import (
    DocumentRow,
    Standing,
    json_text,
    lock_documents,
    put_documents,
    same_bytes,
    standing_of,
    stored_documents,
)
from tests.support.documents import document_row, failed_row


async def put(database: Database, *rows: DocumentRow) -> None:
    async with database.transaction() as connection:
        await put_documents(connection, rows, await stored_documents(connection, [row.key for row in rows]))


async def test_versions_are_stored_as_they_were_given(database: Database) -> None:
    rows = [document_row(), failed_row(), document_row(status="unchanged", version=3, media_type=None, metadata="{}")]
    await put(database, *rows)
    async with database.connection() as connection:
        assert await stored_documents(connection, [row.key for row in rows]) == {row.key: row for row in rows}
        assert await stored_documents(connection, [(rows[0].document_id, 2), (uuid4(), 1)]) == {}


async def test_a_new_current_version_takes_the_place_of_the_old_one(database: Database) -> None:
    first = document_row()
    second = first._replace(version=2, chunks_version=2)
    neighbour = document_row()
    await put(database, first, neighbour)
    await put(database, second)
    async with database.connection() as connection:
        found = await stored_documents(connection, [first.key, second.key, neighbour.key])
    assert [found[row.key].is_current for row in (first, second, neighbour)] == [False, True, True]


async def test_a_version_that_is_not_current_leaves_the_current_one(database: Database) -> None:
    first = document_row(version=2, chunks_version=2)
    await put(database, first)
    await put(database, failed_row(document_id=first.document_id, version=3))
    async with database.connection() as connection:
        assert await standing_of(connection, [first.document_id]) == {first.document_id: Standing("acme", 2)}


async def test_a_failed_row_gives_way_and_no_other_does(database: Database) -> None:
    failed, embedded = failed_row(), document_row()
    await put(database, failed, embedded)
    again = document_row(document_id=failed.document_id, generation=1)
    await put(database, again)
    async with database.connection() as connection:
        assert await stored_documents(connection, [failed.key]) == {failed.key: again}
    with pytest.raises(asyncpg.UniqueViolationError):
        await put(database, embedded._replace(generation=1, is_current=False))


async def test_it_is_told_whose_a_document_is_and_which_version_is_current(database: Database) -> None:
    shown, failed, unknown = document_row(version=4, chunks_version=4), failed_row(client_id="rival", version=9), uuid4()
    await put(database, shown, document_row(document_id=shown.document_id, version=5, is_current=False), failed)
    async with database.connection() as connection:
        assert await standing_of(connection, [shown.document_id, failed.document_id, unknown, unknown]) == {
            shown.document_id: Standing("acme", 4),
            failed.document_id: Standing("rival", None),
        }


async def test_the_same_bytes_are_found_for_the_same_client_model_and_chunker_the_documents_own_first(
    database: Database,
) -> None:
    asked = document_row()
    own = document_row(document_id=asked.document_id, version=2, is_current=False)
    other = document_row(completed_at=asked.completed_at.replace(year=2020))
    await put(
        database,
        own,
        other,
        document_row(client_id="rival"),
        document_row(sha256=b"g" * 32),
        document_row(embedding_model="another"),
        document_row(chunker="2"),
        document_row(status="superseded", is_current=False, chunks_version=None),
    )
    async with database.connection() as connection:
        assert await same_bytes(connection, asked) == [own, other]
        assert (await same_bytes(connection, asked._replace(document_id=uuid4())))[0] == other


async def test_who_holds_documents_keeps_others_waiting_whatever_their_order(database: Database) -> None:
    ids = [uuid4() for _ in range(20)]
    inside: list[str] = []

    async def hold(name: str, wanted: list[UUID]) -> None:
        async with database.transaction() as connection:
            await lock_documents(connection, wanted)
            inside.append(name)
            await asyncio.sleep(0.05)
            inside.append(name)

    await asyncio.gather(*(hold(str(number), ids if number % 2 else ids[::-1]) for number in range(6)))
    assert inside[::2] == inside[1::2]


async def test_other_documents_are_not_waited_for(database: Database) -> None:
    async with database.transaction() as one, database.transaction() as other:
        await lock_documents(one, [uuid4()])
        await lock_documents(other, [uuid4()])


@pytest.mark.parametrize(
    ("columns", "constraint"),
    [
        ({"version": 0}, "ck_documents_version"),
        ({"status": "done", "is_current": False, "chunks_version": None}, "ck_documents_status"),
        ({"chunks_version": None, "is_current": False}, "ck_documents_has_chunks"),
        ({"status": "superseded", "is_current": False}, "ck_documents_has_chunks"),
        ({"chunks_reused": 4}, "ck_documents_chunks_reused"),
        ({"failure_code": "corrupt"}, "ck_documents_failure"),
    ],
)
async def test_a_version_that_contradicts_itself_is_refused(
    database: Database, columns: dict[str, object], constraint: str
) -> None:
    with pytest.raises(asyncpg.CheckViolationError) as caught:
        await put(database, document_row(**columns))
    assert caught.value.constraint_name == constraint


def test_a_version_without_chunks_has_no_key_of_them() -> None:
    assert document_row(version=3, chunks_version=2).chunks_key[1] == 2
    with pytest.raises(ValueError, match="no chunks"):
        _ = failed_row().chunks_key


def test_no_metadata_are_an_empty_object() -> None:
    assert (json_text(None), json_text({"a": 1})) == ("{}", '{"a":1}')
