"""Publishes the scenes and waits for what comes of them."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from events.topics import dlq
from millrace.answers import completion_of
from millrace.demo.scenes import Scene
from storage import dead_letters
from storage.database import Database
from storage.results import read_results
from storage.runs import RunRow, read_run
from streams.kafka import KafkaConfig
from streams.publish import Outgoing, publish
from streams.read import Incoming, reader

TOPIC, COMPLETED = "runs.requested", "runs.completed"
MOST_ROWS = 1_000
# After the last answer: a second completion of an event that was sent twice would come now.
SETTLE_SECONDS = 0.5


@dataclass(slots=True)
class Outcome:
    """What came of one scene: completions with the seconds each took, and dead letters as the database has them."""

    scene: Scene
    sent_at: float = 0.0
    completions: list[dict[str, Any]] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    dead_letters: list[dict[str, Any]] = field(default_factory=list)
    run: RunRow | None = None
    error_rows: list[dict[str, Any]] = field(default_factory=list)

    @property
    def errors(self) -> dict[str, int]:
        """How many rows have which error."""
        return dict(sorted(Counter(row["error"] for row in self.error_rows).items()))


class Stage:
    """Where scenes are played: the servers, and the outcomes so far."""

    def __init__(self, kafka: KafkaConfig, database: Database, scenes: Sequence[Scene]) -> None:
        self.kafka, self.database = kafka, database
        self.outcomes = [Outcome(scene) for scene in scenes]
        self._places: dict[tuple[int, int], Outcome] = {}

    async def play(self, timeout: float, on_answer: Callable[[int], None]) -> bool:
        """Publishes all scenes, waits for the answers and reads what is stored; tells whether all came in time."""
        async with reader(self.kafka, [COMPLETED, dlq(TOPIC)]) as answers:
            await self._publish()
            in_time = True
            try:
                async with asyncio.timeout(timeout):
                    await self._hear(answers, on_answer)
            except TimeoutError:
                in_time = False
            for record in await answers.some():
                self._note(record)
        await self._look()
        return in_time

    async def _publish(self) -> None:
        started = time.monotonic()
        records = [Outgoing(TOPIC, outcome.scene.key, outcome.scene.value) for outcome in self.outcomes]
        places = await publish(self.kafka, records)
        for outcome, place in zip(self.outcomes, places, strict=True):
            outcome.sent_at = started
            self._places[place] = outcome

    async def _hear(self, answers: Any, on_answer: Callable[[int], None]) -> None:
        """Returns when everything has been answered that will be, and a moment has passed without more."""
        quiet_since = time.monotonic()
        while not self._answered() or time.monotonic() - quiet_since < SETTLE_SECONDS:
            for record in await answers.some():
                self._note(record)
                quiet_since = time.monotonic()
            on_answer(self._answered_count())

    def _note(self, record: Incoming) -> None:
        headers = dict(record.headers)
        if record.topic == COMPLETED:
            completion = completion_of(record.value) or {}
            # The first scene of an event gets its completions; the same event sent again should get none.
            outcome = next((each for each in self.outcomes if each.scene.event_id == completion.get("causationid")), None)
            if outcome is not None:
                outcome.completions.append(completion)
                outcome.seconds.append(time.monotonic() - outcome.sent_at)
            return
        place = int(headers.get("dlq-partition") or -1), int(headers.get("dlq-offset") or -1)
        if place in self._places:
            outcome = self._places[place]
            outcome.dead_letters.append({"reason": (headers.get("dlq-reason") or b"").decode()})
            outcome.seconds.append(time.monotonic() - outcome.sent_at)

    def _answered_count(self) -> int:
        return sum(1 for outcome in self.outcomes if outcome.seconds)

    def _answered(self) -> bool:
        # The event that is sent a second time gets no answer of its own.
        return self._answered_count() >= len(self.outcomes) - 1

    async def _look(self) -> None:
        """Reads runs, their errors and the dead letters from the database: that is what counts."""
        by_place = {(partition, offset): outcome for (partition, offset), outcome in self._places.items()}
        async with self.database.connection() as connection:
            for outcome in self.outcomes:
                outcome.dead_letters.clear()
                if outcome.scene.run_id is not None:
                    await _read_run(connection, outcome)
            letters, _ = await dead_letters.page(connection, status=None, limit=50)
        for letter in letters:
            found = by_place.get((letter["partition"], letter["offset"])) if letter["topic"] == TOPIC else None
            if found is not None:
                found.dead_letters.append(letter)


async def _read_run(connection: Any, outcome: Outcome) -> None:
    run_id = UUID(outcome.scene.run_id)
    outcome.run = await read_run(connection, run_id)
    outcome.error_rows = await read_results(connection, run_id, limit=MOST_ROWS, errors_only=True)
