from __future__ import annotations

import asyncio
import json
from typing import Any
from uuid import UUID, uuid4

import pytest

from storage import dead_letters
from storage.database import Database
from storage.dead_letters import DeadLetterRow
from streams.kafka import KafkaConfig
from streams.topics import WantedTopic, ensure_topics

NOBODY = "127.0.0.1:1"


@pytest.fixture
def topic(kafka: str, topic_prefix: str) -> str:
    """A topic that no other test reads."""
    name = f"{topic_prefix}runs.requested"
    asyncio.run(ensure_topics(KafkaConfig(kafka), [WantedTopic(name, 1, 3_600_000)]))
    return name


class Letters:
    """Dead letters of one topic."""

    def __init__(self, url: str, topic: str) -> None:
        self.url, self.topic = url, topic

    def bury(self, *reasons: str) -> list[str]:
        """A letter for each reason: a conflict, an event that failed, or a rejected record; their ids."""
        rows = [self._row(offset, reason) for offset, reason in enumerate(reasons)]

        async def bury(connection: Any) -> Any:
            await dead_letters.bury(connection, rows)
            return await connection.fetch('select id from dead_letters order by "offset"')

        return [str(row["id"]) for row in self._ask(bury)]

    def dead(self) -> int:
        found: int = self._ask(
            lambda connection: connection.fetchval("select count(*) from dead_letters where status = 'dead'")
        )
        return found

    def generations(self) -> list[tuple[UUID, int]]:
        rows = self._ask(lambda connection: connection.fetch("select dead_letter_id, generation from generations"))
        return [tuple(row) for row in rows]

    def _row(self, offset: int, reason: str) -> DeadLetterRow:
        kind = {"payload_conflict": "Conflict", "garbage": "Rejection"}.get(reason, "Permanent")
        value = json.dumps({"id": f"e-{offset}", "source": "/s", "data": {}}).encode()
        place = ("runs", self.topic, 0, offset, "/s", f"e-{offset}", 0, "acme")
        return DeadLetterRow(*place, b"key", value, None, reason, kind, "why", "f" * 16, 1)

    def _ask(self, question: Any) -> Any:
        async def ask() -> Any:
            database = Database(self.url, pool_size=1)
            try:
                async with database.connection() as connection:
                    return await question(connection)
            finally:
                await database.close()

        return asyncio.run(ask())


@pytest.fixture
def letters(database_url: str, topic: str) -> Letters:
    return Letters(database_url, topic)


def test_one_letter_is_retried_without_a_question(millrace: Any, letters: Letters) -> None:
    [letter] = letters.bury("internal")
    result = millrace("dlq", "retry", letter)
    assert (result.returncode, result.stdout) == (0, f"retried  {letter}  e-0  generation 1\n"), result.stderr
    assert (letters.dead(), letters.generations()) == (0, [(UUID(letter), 1)])
    again = millrace("dlq", "retry", letter)
    assert (again.returncode, again.stdout) == (4, f"refused  {letter}  it has been replayed already\n")


def test_several_letters_need_a_yes(millrace: Any, letters: Letters) -> None:
    some = letters.bury("internal", "internal")
    for which in (some, ["--all"]):
        result = millrace("dlq", "retry", *which)
        assert (result.returncode, result.stdout, letters.dead()) == (4, "", 2)
        assert "--yes" in result.stderr
    assert millrace("dlq", "retry", *some, "--yes").returncode == 0
    assert letters.dead() == 0


def test_what_is_refused_is_told_beside_what_is_retried(millrace: Any, letters: Letters) -> None:
    failed, conflict, garbage = letters.bury("internal", "payload_conflict", "garbage")
    unknown = str(uuid4())
    result = millrace("dlq", "retry", garbage, unknown, conflict, failed, "--yes", "--json")
    said = {each["id"]: each for each in map(json.loads, result.stdout.splitlines())}
    assert result.returncode == 3, result.stderr
    assert list(said) == [garbage, unknown, conflict, failed]
    assert [each["status"] for each in said.values()] == ["retried", "refused", "refused", "retried"]
    assert (said[garbage]["generation"], said[failed]["generation"]) == (None, 1)
    assert said[failed]["event_id"] == "e-0"
    assert said[conflict]["reason"].startswith("payload_conflict")
    assert said[unknown]["reason"] == "there is no such dead letter"
    assert letters.dead() == 1


def test_letters_are_chosen_by_reason_and_flow(millrace: Any, letters: Letters) -> None:
    letters.bury("internal", "garbage", "too_large", "internal")
    assert millrace("dlq", "retry", "--flow", "audits", "--yes").stdout == ""
    result = millrace("dlq", "retry", "--reason", "internal", "--flow", "runs", "--yes")
    assert (result.returncode, len(result.stdout.splitlines()), letters.dead()) == (0, 2, 2)
    nothing = millrace("dlq", "retry", "--reason", "internal")
    assert (nothing.returncode, nothing.stdout) == (0, "")
    assert "No dead letters" in nothing.stderr


@pytest.mark.parametrize("arguments", [[], [str(uuid4()), "--all"], [str(uuid4()), "--reason", "garbage"], ["no-uuid"]])
def test_which_letters_are_meant_has_to_be_said_in_one_way(bare: Any, arguments: list[str]) -> None:
    assert bare("dlq", "retry", *arguments).returncode == 2


def test_nothing_is_decided_while_kafka_is_away(millrace: Any, letters: Letters) -> None:
    [letter] = letters.bury("internal")
    result = millrace("dlq", "retry", letter, KAFKA_BOOTSTRAP_SERVERS=NOBODY)
    assert (result.returncode, letters.dead(), letters.generations()) == (5, 1, [])
    assert "Kafka" in result.stderr


def test_a_database_that_is_away_is_exit_code_5(millrace: Any) -> None:
    result = millrace("dlq", "retry", "--all", DATABASE_URL=f"postgresql://u:hunter2@{NOBODY}/x")
    assert (result.returncode, result.stdout) == (5, "")
    assert "hunter2" not in result.stderr


def test_a_letter_whose_topic_is_gone_is_refused(millrace: Any, database_url: str) -> None:
    letters = Letters(database_url, "no.such.topic")
    [letter] = letters.bury("garbage")
    result = millrace("dlq", "retry", letter)
    assert (result.returncode, letters.dead()) == (4, 1)
    assert "no topic no.such.topic" in result.stdout
