"""Documents read in processes of their own: what a bad one does stays with it."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from events.failures import Failure, Kind, Permanent, Transient
from handlers.embed.model import Limits, Parsed
from handlers.embed.parse import parse_here
from handlers.embed.parsing import ParserPool
from handlers.embed.process import ParserProcess, meaning
from tests.support.rig import eventually
from tests.unit.handlers.embed.files import changed, docx, encrypted_pdf, pdf, written, xlsx

MISBEHAVING = "tests.unit.handlers.embed.misbehaving:parse"
# For documents that do harm; by the clock there is time enough for a second of the processor, however many want it.
LIMITS = Limits(memory_bytes=200 * 1024 * 1024, cpu_seconds=1, seconds=200)


@pytest.fixture
async def pool() -> AsyncIterator[ParserPool]:
    async with ParserPool(1, read=MISBEHAVING) as pool:
        yield pool


async def tell(pool: ParserPool, word: str) -> str:
    parsed = await pool.parse(word.encode(), "a.txt")
    return parsed.chunks[0].text


async def failure(pool: ParserPool, word: str, limits: Limits = LIMITS) -> Failure:
    with pytest.raises(Failure) as caught:
        await pool.parse(word.encode(), "a.txt", None, limits)
    return caught.value


async def test_a_process_gives_what_the_function_gives() -> None:
    files = {
        "a.pdf": pdf(written("one"), written("two", "three")),
        "a.docx": docx("paragraph", table=[["a", "b"]]),
        "a.xlsx": xlsx({"Sheet": [["a", 1.5]]}),
        "a.txt": 'Größe \N{GRINNING FACE} \\ " \t\n'.encode() * 2000,
        "\ud800.html": b"<p>text",
    }
    async with ParserPool() as pool:
        assert await asyncio.gather(*(pool.parse(content, name) for name, content in files.items())) == [
            parse_here(content, name) for name, content in files.items()
        ]
        with pytest.raises(Permanent) as caught:
            await pool.parse(encrypted_pdf(), "a.pdf")
        assert caught.value.code == "encrypted"


async def test_a_file_that_is_too_large_is_not_even_sent(pool: ParserPool) -> None:
    assert (await failure(pool, "spin", Limits(content_bytes=3))).code == "too_large"
    assert (await failure(pool, "")).code == "corrupt"
    assert pool._idle == []


@pytest.mark.parametrize(
    ("deed", "code", "message"),
    [
        ("spin", "too_large", "more than 1 s of processor time"),
        ("eat", "too_large", "209715200 bytes of memory"),
        ("abort", "too_large", "209715200 bytes of memory"),
        ("segfault", "corrupt", "SIGSEGV"),
        ("leave", "corrupt", "exit code 3"),
        ("lie", "corrupt", "makes no sense"),
    ],
)
async def test_a_document_that_harms_its_process_fails_for_good_and_alone(
    pool: ParserPool, deed: str, code: str, message: str
) -> None:
    failed, after = await asyncio.gather(failure(pool, deed), tell(pool, "after"))
    assert (failed.kind, failed.code) == (Kind.PERMANENT, code)
    assert message in failed.message
    assert after == "after"


HOSTILE = {
    "a.docx": changed(docx("a"), "word/document.xml", "<w:body>", "<w:body>" + "<w:p/>" * 5_000_000),
    "a.xlsx": changed(xlsx({"a": [[1]]}), "xl/worksheets/sheet1.xml", "<c>", '<c r="A1"><v>1</v></c><c r="XFD1048576">'),
    "a.html": b"<div>" * 100_000,
    "a.md": b">" * 200_000,
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_small_file_that_asks_for_much_is_too_large(name: str) -> None:
    async with ParserPool(1) as pool:
        assert (await pool.parse(b"warm", "a.txt")).pages == 1
        with pytest.raises(Permanent) as caught:
            await pool.parse(HOSTILE[name], name, None, LIMITS)
        assert caught.value.code == "too_large"
        assert (await pool.parse(b"after", "a.txt")).pages == 1


async def test_one_that_takes_too_long_by_the_clock_is_ended_and_may_be_tried_again(pool: ParserPool) -> None:
    before = await tell(pool, "tell pid")
    failed = await failure(pool, "sleep", Limits(seconds=0.3))
    assert (failed.kind, failed.code) == (Kind.TRANSIENT, "too_large")
    assert await tell(pool, "tell pid") != before
    await eventually(lambda: is_there(int(before)), expected=False)


async def is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_a_kill_from_outside_is_not_held_against_the_document(pool: ParserPool) -> None:
    failed = await failure(pool, "be killed")
    assert (failed.kind, failed.code) == (Kind.TRANSIENT, "corrupt")


async def test_a_process_that_was_killed_while_idle_is_replaced_unnoticed(pool: ParserPool) -> None:
    first = int(await tell(pool, "tell pid"))
    os.kill(first, signal.SIGKILL)
    assert int(await tell(pool, "tell pid")) != first


async def test_a_document_does_not_pay_for_the_damage_of_the_one_before(pool: ParserPool) -> None:
    assert await tell(pool, "poison") == "poison"
    assert await tell(pool, "innocent") == "innocent"


async def test_a_process_that_dies_leaves_those_beside_it_alone() -> None:
    async with ParserPool(2, read=MISBEHAVING) as pool:
        words = ["nap", "segfault"] * 3
        results = await asyncio.gather(*(pool.parse(word.encode(), "a.txt") for word in words), return_exceptions=True)
    assert [isinstance(result, Parsed) for result in results] == [True, False] * 3


async def test_what_a_library_prints_is_no_answer(pool: ParserPool) -> None:
    assert await tell(pool, "chatter") == "chatter"
    assert await tell(pool, "after") == "after"


async def test_a_process_sees_no_secrets_and_no_signal_meant_for_others(
    pool: ParserPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    assert "OPENAI_API_KEY" not in await tell(pool, "tell environment")
    assert await tell(pool, "be deaf") == "be deaf"


async def test_processes_are_kept_warm_and_replaced_in_time() -> None:
    async with ParserPool(1, documents_each=2, read=MISBEHAVING) as pool:
        pids = [await tell(pool, "tell pid") for _ in range(4)]
    assert pids[0] == pids[1] != pids[2] == pids[3]


async def test_no_more_documents_are_read_at_a_time_than_there_are_processes() -> None:
    async with ParserPool(2, read=MISBEHAVING) as pool:
        pids = await asyncio.gather(*(tell(pool, "tell pid") for _ in range(8)))
        assert len(set(pids)) == len(pool._idle) == 2


async def test_who_waits_no_longer_leaves_no_process_in_the_middle_of_something(pool: ParserPool) -> None:
    before = await tell(pool, "tell pid")
    waiting = asyncio.create_task(tell(pool, "sleep"))
    await asyncio.sleep(0.1)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert await tell(pool, "tell pid") != before


async def test_closing_ends_documents_in_hand_and_those_that_wait_and_every_process() -> None:
    pool = ParserPool(1, read=MISBEHAVING)
    pid = int(await tell(pool, "tell pid"))
    in_hand, waiting = (asyncio.create_task(failure(pool, "sleep", Limits(seconds=900))) for _ in range(2))
    await asyncio.sleep(0.1)
    async with asyncio.timeout(120):
        await pool.close()
        await pool.close()
        for ended in (await in_hand, await waiting, await failure(pool, "more")):
            assert (ended.kind, ended.message) == (Kind.TRANSIENT, "the parsers are closed: the worker ends")
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_closing_does_not_wait_for_what_a_parser_has_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("handlers.embed.parsing.CLOSE_SECONDS", 0.5)
    pool = ParserPool(1, read=MISBEHAVING)
    left = int(await tell(pool, "leave a child"))
    [parser] = pool._idle
    async with asyncio.timeout(120):
        await pool.close()
    os.kill(left, signal.SIGKILL)
    await parser._process.wait()  # so long that the loop hears of its end


async def test_a_parser_that_is_not_wanted_any_more_while_it_starts_is_ended() -> None:
    before = children()
    starting = asyncio.create_task(ParserProcess.start("tests.unit.handlers.embed.slow_to_start:parse"))
    async with asyncio.timeout(120):
        while not (started := children() - before):  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.01)
    [child] = started
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)


def children() -> set[int]:
    """The processes that this one has started and not yet taken leave of."""
    told = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text(encoding="ascii")
    return {int(child) for child in told.split()}


async def test_a_parser_that_does_not_start_is_not_the_documents_fault() -> None:
    async with ParserPool(1, read="tests.nowhere:parse") as pool:
        with pytest.raises(Transient, match="No module named"):
            await pool.parse(b"text", "a.txt")


@pytest.mark.parametrize(
    ("returncode", "last_words", "code"),
    [
        (-24, b"", "too_large"),
        (-6, b"memory allocation of 5 bytes failed", "too_large"),
        (-11, b"", "corrupt"),
        (1, b"", "corrupt"),
    ],
)
def test_a_death_has_a_meaning(returncode: int, last_words: bytes, code: str) -> None:
    assert meaning(returncode, last_words, Limits()).code == code
