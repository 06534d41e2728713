"""The producer of docs/upstream.md and the consumer of docs/downstream.md, as they stand there."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from streams.kafka import KafkaConfig
from streams.publish import Outgoing, publish
from streams.read import Incoming, reader
from tests.support.markdown import fenced, read
from tests.support.offsets import remaining
from tests.support.rig import eventually

TOPIC, GROUP = "runs.completed", "risk-reports"


class Consumer:
    """The program of docs/downstream.md in a folder of its own; started anew, it goes on where it was."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder, self.environment = folder, environment
        self.output = folder / "printed"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.output.open("ab") as output:
            command = [sys.executable, "-c", program("docs/downstream.md")]
            self.process = subprocess.Popen(command, cwd=self.folder, env=self.environment, stdout=output)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def printed(self, run_id: str) -> list[dict[str, Any]]:
        """The completions of a run that it has printed so far."""
        lines = [json.loads(line) for line in self.output.read_text().splitlines()]
        return [line for line in lines if line["run_id"] == run_id]


def program(document: str) -> str:
    """The one Python program of a document."""
    (found,) = [block for block in fenced(read(document)) if block.startswith("import asyncio")]
    return found


def produce(event: str, environment: dict[str, str]) -> None:
    """Runs the program of docs/upstream.md."""
    command = [sys.executable, "-c", program("docs/upstream.md")]
    subprocess.run(command, input=event, text=True, env=environment, timeout=60, check=True)


@pytest.fixture
def consumer(millrace: Any, tmp_path: Path) -> Iterator[Consumer]:
    consumer = Consumer(tmp_path, millrace.all({}))
    yield consumer
    consumer.kill()


async def completion_of(kafka: str, run_id: str) -> Incoming:
    """The completion of a run as it stands on its topic."""
    async with asyncio.timeout(60), reader(KafkaConfig(kafka), [TOPIC], from_start=True) as records:
        while True:
            for record in await records.some():
                if run_id.encode() == record.key:
                    return record


async def all_is_read(kafka: str) -> None:
    await eventually(lambda: remaining(KafkaConfig(kafka), GROUP, TOPIC), 0)


async def test_an_event_and_its_completion_that_are_published_twice_are_printed_once(
    millrace: Any, start_worker: Any, consumer: Consumer, kafka: str
) -> None:
    start_worker(millrace, "--flows", "runs").wait_until("/health/deep")
    event = millrace("example", "run.requested.v1").stdout
    run_id = json.loads(event)["data"]["run_id"]
    for _ in range(2):
        await asyncio.to_thread(produce, event, millrace.all({}))

    completion = await completion_of(kafka, run_id)
    again = Outgoing(TOPIC, completion.key or b"", completion.value)
    consumer.start()
    await publish(KafkaConfig(kafka), [again])
    await all_is_read(kafka)
    consumer.kill()
    await publish(KafkaConfig(kafka), [again])
    consumer.start()
    await all_is_read(kafka)

    (printed,) = consumer.printed(run_id)
    assert printed["status"] == "completed"
    assert printed == json.loads(completion.value or b"")["data"]


def test_the_newest_state_is_the_same_in_whatever_order_completions_come() -> None:
    (statement,) = [block for block in fenced(read("docs/downstream.md")) if block.startswith("insert")]
    names = ("document_id", "version", "generation", "status")
    told = [("d", 1, 0, "embedded"), ("d", 2, 0, "failed"), ("d", 2, 1, "embedded"), ("d", 1, 2, "embedded")]
    for order in permutations([*told, told[2]]):
        database = sqlite3.connect(":memory:")
        database.execute(f"create table latest ({', '.join(names)}, unique (document_id))")
        for completion in order:
            database.execute(statement, dict(zip(names, completion, strict=True)))
        assert database.execute("select * from latest").fetchall() == [told[2]]
        database.close()
