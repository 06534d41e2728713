"""What documents in work hold together: bounded, given back when they are stored or fail, and never waited for in vain."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from devstack.standin.faults import Fault
from events.event import Event
from events.failures import Failure, Outage
from handlers.embed.flow import FILE_TIMES, Loaded
from handlers.embed.settings import DocumentSettings
from handlers.embed.stored import Outcome
from tests.support.desk import Desk

MakeDesk = Callable[..., Desk]

TEXT = "The borrower pays. " * 50


@pytest.fixture
def narrow(make_desk: MakeDesk) -> Desk:
    """A worker with room for one of these documents."""
    return make_desk(settings=DocumentSettings(work_bytes=10_000), tries=1)


async def test_a_document_waits_before_its_file_is_read_until_the_one_before_is_stored(narrow: Desk) -> None:
    first, second = [await narrow.upload(f"{number}. {TEXT}") for number in range(2)]
    outcome = await narrow.outcome(first)
    assert isinstance(outcome, Outcome)
    assert outcome.made is not None
    assert narrow.flow.budget.held >= outcome.made.embeddings.nbytes
    waiting = asyncio.create_task(narrow.flow.load([second]))
    await asyncio.sleep(0.5)
    assert not waiting.done()
    await narrow.save([first], [outcome])
    del outcome
    [loaded] = await waiting
    assert isinstance(loaded, Loaded)
    assert narrow.flow.budget.held == FILE_TIMES * len(loaded.file)


async def test_a_document_that_is_larger_than_the_bound_is_embedded(make_desk: MakeDesk) -> None:
    desk = make_desk(settings=DocumentSettings(work_bytes=100))
    [answer] = await desk.handle(await desk.upload(TEXT))
    assert isinstance(answer, dict)
    assert answer["status"] == "embedded"


async def test_the_file_is_dropped_once_it_is_parsed_and_not_parsed_again_when_openai_is_back(narrow: Desk) -> None:
    [loaded] = await narrow.flow.load([event := await narrow.upload(TEXT)])
    assert isinstance(loaded, Loaded)
    narrow.openai.add(Fault("server_error", times=None))
    with pytest.raises(Outage):
        await narrow.flow.work([event], [loaded])
    assert loaded.file == b""
    assert loaded.parsed is not None
    assert narrow.flow.budget.held == loaded.parsed.nbytes
    narrow.openai.reset()
    parsed = loaded.parsed
    assert isinstance(await once_it_is_back(narrow, event, loaded), Outcome)
    assert loaded.parsed is parsed


async def once_it_is_back(desk: Desk, event: Event, loaded: Loaded) -> Outcome | Failure:
    """What comes of the work, begun again until it is no outage."""
    while True:
        try:
            [outcome] = await desk.flow.work([event], [loaded])
        except Outage:
            await asyncio.sleep(0.1)
        else:
            return outcome


@pytest.mark.parametrize(
    ("content", "filename"),
    [("no such thing", "a.pdf"), ("=" * 30_000, "a.txt"), (" ", "a.xlsx")],
    ids=["corrupt", "refused", "not what it says"],
)
async def test_a_failure_that_is_not_yet_stored_holds_nothing(narrow: Desk, content: str, filename: str) -> None:
    failure = await narrow.outcome(await narrow.upload(content, filename))
    assert isinstance(failure, Failure)
    await asyncio.sleep(0)
    assert narrow.flow.budget.held == 0


async def test_what_is_not_there_or_known_already_holds_nothing(narrow: Desk) -> None:
    event = await narrow.upload(TEXT)
    await narrow.handle(event)
    other = await narrow.upload(TEXT)
    unchanged = await narrow.outcome(other)
    await asyncio.sleep(0)
    assert unchanged.row.status == "unchanged"
    assert narrow.flow.budget.held == 0
