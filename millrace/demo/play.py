"""Publishes the scenes and waits for what comes of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

from events.topics import dlq
from handlers.flow import FLOWS
from millrace.answers import REJECTING, completion_of
from millrace.demo.outcome import Outcome
from millrace.demo.scene import Scene
from streams.kafka import KafkaConfig
from streams.publish import Outgoing, publish
from streams.read import Incoming, Reader, reader

# After the last answer: a second completion of an event that was sent twice would come now.
SETTLE_SECONDS = 0.5

Place = tuple[str, int, int]


class Stage:
    """Where scenes are played, and the outcomes so far; `places` has the outcome of each record by where it lies in Kafka."""

    def __init__(self, kafka: KafkaConfig, scenes: Sequence[Scene]) -> None:
        self.kafka = kafka
        self.outcomes = [Outcome(scene) for scene in scenes]
        self.places: dict[Place, Outcome] = {}
        self.expected_answers = sum(scene.is_answered for scene in scenes)
        self._unsent = list(self.outcomes)

    async def play(self, timeout: float, on_answer: Callable[[int], None]) -> bool:
        """Publishes all scenes, each when its time has come, and waits for the answers; tells whether all came in time."""
        async with reader(self.kafka, self._answering_topics()) as answers:
            try:
                async with asyncio.timeout(timeout):
                    await self._hear(answers, on_answer)
            except TimeoutError:
                return False
        return True

    async def _hear(self, answers: Reader, on_answer: Callable[[int], None]) -> None:
        """Returns when everything has been answered that will be, and a moment has passed without more."""
        quiet_since = time.monotonic()
        while self._answered() < self.expected_answers or time.monotonic() - quiet_since < SETTLE_SECONDS:
            await self._publish_what_is_due()
            for record in await answers.some():
                self._note(record)
                quiet_since = time.monotonic()
            on_answer(self._answered())

    async def _publish_what_is_due(self) -> None:
        answered = {outcome.scene.name for outcome in self.outcomes if outcome.seconds}
        due = [outcome for outcome in self._unsent if answered.issuperset(outcome.scene.after)]
        if not due:
            return
        self._unsent = [outcome for outcome in self._unsent if outcome not in due]
        started = time.monotonic()
        records = [Outgoing(outcome.scene.topic, outcome.scene.key, outcome.scene.value) for outcome in due]
        for outcome, place in zip(due, await publish(self.kafka, records), strict=True):
            outcome.sent_at = started
            self.places[outcome.scene.topic, *place] = outcome

    def _note(self, record: Incoming) -> None:
        outcome = self._rejected(record) if record.topic in _INPUT_OF else self._completed(record)
        if outcome is not None:
            outcome.seconds.append(time.monotonic() - outcome.sent_at)

    def _completed(self, record: Incoming) -> Outcome | None:
        completion = completion_of(record.value) or {}
        cause = completion.get("causationid")
        # The first scene of an event gets its completions; the same event sent again should get none.
        outcome = next((each for each in self.outcomes if cause and each.scene.event_id == cause), None)
        if outcome is not None:
            outcome.completions.append(completion)
        return outcome

    def _rejected(self, record: Incoming) -> Outcome | None:
        """The outcome that a dead letter ends; one that follows a failed completion adds nothing to it."""
        headers = dict(record.headers)
        partition, offset = (int(headers.get(name) or -1) for name in ("dlq-partition", "dlq-offset"))
        outcome = self.places.get((_INPUT_OF[record.topic], partition, offset))
        failed = (headers.get("dlq-error-class") or b"").decode() not in REJECTING
        return None if outcome is None or failed else outcome

    def _answered(self) -> int:
        return sum(1 for outcome in self.outcomes if outcome.seconds)

    def _answering_topics(self) -> list[str]:
        played = {outcome.scene.topic for outcome in self.outcomes}
        return [name for spec in FLOWS if spec.topic in played for name in (spec.completed_topic, dlq(spec.topic))]


_INPUT_OF = {dlq(spec.topic): spec.topic for spec in FLOWS}
