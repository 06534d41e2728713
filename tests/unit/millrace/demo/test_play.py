from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import orjson
import pytest

from millrace.demo import play
from millrace.demo.play import Stage
from millrace.demo.scene import Scene
from streams.kafka import KafkaConfig
from streams.publish import Outgoing
from streams.read import Incoming


class Worker:
    """Answers each record that it knows an answer to as soon as it is published."""

    def __init__(self, answers: dict[bytes | None, list[Incoming]]) -> None:
        self.answers = answers
        self.sent: list[list[bytes | None]] = []
        self.waiting: list[Incoming] = []

    async def publish(self, _kafka: KafkaConfig, records: Sequence[Outgoing]) -> list[tuple[int, int]]:
        first = sum(map(len, self.sent))
        self.sent.append([record.value for record in records])
        for record in records:
            self.waiting += self.answers.get(record.value, [])
        return [(0, first + number) for number in range(len(records))]

    async def some(self) -> list[Incoming]:
        await asyncio.sleep(0.001)
        said, self.waiting = self.waiting, []
        return said

    @asynccontextmanager
    async def reader(self, *_: Any) -> AsyncIterator[Worker]:
        yield self


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Worker:
    made = Worker({})
    monkeypatch.setattr(play, "publish", made.publish)
    monkeypatch.setattr(play, "reader", made.reader)
    monkeypatch.setattr(play, "SETTLE_SECONDS", 0.02)
    return made


def scene(name: str, **more: Any) -> Scene:
    return Scene(name, name, "runs", "runs.requested", None, name.encode(), event_id=f"id of {name}", **more)


def completion(name: str) -> Incoming:
    said = {"id": "completion", "causationid": f"id of {name}", "data": {"status": "completed"}}
    return Incoming("runs.completed", 0, 0, 0, None, orjson.dumps(said), [])


def dead_letter(offset: int, error: str) -> Incoming:
    headers = {"dlq-partition": b"0", "dlq-offset": b"%d" % offset, "dlq-error-class": error.encode()}
    return Incoming("runs.requested.dlq", 0, 0, 0, None, b"", list(headers.items()))


async def played(scenes: Sequence[Scene], timeout: float = 200.0) -> tuple[Stage, bool, list[int]]:
    shown: list[int] = []
    stage = Stage(KafkaConfig("nowhere:9"), scenes)
    return stage, await stage.play(timeout, shown.append), shown


async def test_a_scene_goes_out_when_those_before_it_have_been_answered(worker: Worker) -> None:
    worker.answers = {name.encode(): [completion(name)] for name in ("first", "second")}
    stage, in_time, shown = await played([scene("second", after=["first"]), scene("first")])
    assert worker.sent == [[b"first"], [b"second"]]
    assert in_time
    assert shown[-1] == 2
    assert [len(outcome.completions) for outcome in stage.outcomes] == [1, 1]
    assert {place: outcome.scene.name for place, outcome in stage.places.items()} == {
        ("runs.requested", 0, 0): "first",
        ("runs.requested", 0, 1): "second",
    }


async def test_an_event_that_is_sent_twice_is_answered_once_and_a_second_answer_is_heard(worker: Worker) -> None:
    worker.answers = {b"first": [completion("first"), completion("first")]}
    again = Scene("again", "", "runs", "runs.requested", None, b"first", event_id="id of first", is_answered=False)
    stage, in_time, _ = await played([scene("first"), again])
    assert in_time
    assert [len(outcome.completions) for outcome in stage.outcomes] == [4, 0]


async def test_a_rejection_is_an_answer_and_the_dead_letter_of_a_failed_completion_is_none_of_its_own(worker: Worker) -> None:
    worker.answers = {
        b"rejected": [dead_letter(0, "Rejection")],
        b"failed": [dead_letter(1, "Permanent"), completion("failed")],
    }
    stage, in_time, _ = await played([scene("rejected"), scene("failed")])
    assert in_time
    assert [len(outcome.seconds) for outcome in stage.outcomes] == [1, 1]
    assert [len(outcome.completions) for outcome in stage.outcomes] == [0, 1]


async def test_what_others_publish_meanwhile_is_left_alone(worker: Worker) -> None:
    garbage = Incoming("runs.completed", 0, 0, 0, None, b"{", [])
    worker.answers = {b"first": [garbage, completion("other"), dead_letter(7, "Rejection"), completion("first")]}
    stage, in_time, _ = await played([scene("first")])
    assert in_time
    assert len(stage.outcomes[0].completions) == 1


async def test_an_answer_that_does_not_come_in_time_is_told(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    """The time is over when nothing more comes, however long what comes has taken."""
    bound, some = asyncio.timeout(None), worker.some

    async def some_or_too_late() -> list[Incoming]:
        if not (said := await some()) and worker.sent:
            bound.reschedule(0.0)
        return said

    monkeypatch.setattr(play, "asyncio", SimpleNamespace(timeout={7.0: bound}.__getitem__))
    monkeypatch.setattr(worker, "some", some_or_too_late)
    worker.answers = {b"first": [completion("first")]}
    stage, in_time, shown = await played([scene("first"), scene("second"), scene("third", after=["second"])], timeout=7.0)
    assert not in_time
    assert shown[-1] == 1
    assert worker.sent == [[b"first", b"second"]]
    assert [bool(outcome.seconds) for outcome in stage.outcomes] == [True, False, False]
