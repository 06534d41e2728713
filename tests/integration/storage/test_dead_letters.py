"""A record is buried once, whatever it holds."""

from __future__ import annotations

from uuid import uuid4

from storage import dead_letters
from storage.database import Database
from storage.dead_letters import DeadLetterRow


def letter(offset: int, value: bytes | None = b"\0\xff{", client: str | None = None, flow: str = "runs") -> DeadLetterRow:
    return DeadLetterRow(
        flow,
        "runs.requested",
        0,
        offset,
        None,
        None,
        None,
        client,
        None,
        value,
        None,
        "garbage",
        "Rejection",
        "not JSON",
        "f" * 16,
        1,
    )


async def test_a_record_is_buried_once(database: Database) -> None:
    async with database.connection() as connection:
        assert await dead_letters.bury(connection, [letter(2), letter(1)]) == {
            ("runs.requested", 0, 1),
            ("runs.requested", 0, 2),
        }
        assert await dead_letters.bury(connection, [letter(2), letter(3)]) == {("runs.requested", 0, 3)}
        letters, total = await dead_letters.page(connection)
        whole = await dead_letters.one(connection, letters[0]["id"])
    assert total == 3
    assert whole is not None
    assert whole["value"] == b"\0\xff{"
    assert {each["size"] for each in letters} == {3}
    assert not {"key", "value", "headers"} & letters[0].keys()


async def test_a_tombstone_is_buried_as_what_it_is(database: Database) -> None:
    async with database.connection() as connection:
        await dead_letters.bury(connection, [letter(1, None)])
        [[found], _] = await dead_letters.page(connection)
        assert found["size"] is None
        whole = await dead_letters.one(connection, found["id"])
        assert whole is not None
        assert (whole["value"], whole["reason"]) == (None, "garbage")
        assert await dead_letters.one(connection, uuid4()) is None


async def test_pages_are_filtered_and_counted(database: Database) -> None:
    async with database.connection() as connection:
        await dead_letters.bury(connection, [letter(n, client="acme") for n in range(5)] + [letter(9, client="other")])
        page, total = await dead_letters.page(connection, client_id="acme", offset=3, limit=2)
        assert (len(page), total) == (2, 5)
        assert await dead_letters.page(connection, flow="audits") == ([], 0)
        assert await dead_letters.page(connection, status="discarded") == ([], 0)
