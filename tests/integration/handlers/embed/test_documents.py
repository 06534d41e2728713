"""What becomes of one document: read, embedded, stored, answered; or failed for good with a reason."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from hashlib import sha256
from typing import Any
from uuid import UUID

import pytest

from devstack.standin.faults import Fault
from events.event import Event
from events.failures import Failure, Outage, Transient
from handlers.embed.model import Limits
from handlers.embed.settings import DocumentSettings
from tests.support.desk import MODEL, Desk, again, uploaded
from tests.unit.handlers.embed import files

MakeDesk = Callable[..., Desk]

CHUNKS = "select page, content, content_sha256, tokens, client_id from document_chunks where document_id = $1 order by ordinal"

# Refused by the stand-in, to which each sign is a token; of the model's tokens one is many signs.
REFUSED = "=" * 30_000


async def chunks(desk: Desk, event: Event) -> list[dict[str, Any]]:
    return await desk.rows(CHUNKS, UUID(event.data.document_id))


FORMATS: dict[str, tuple[bytes, list[tuple[int, str]], list[str]]] = {
    "loan.pdf": (
        files.pdf(files.written("The borrower pays."), files.written("On the last day.")),
        [(1, "The borrower pays."), (2, "On the last day.")],
        ["", ""],
    ),
    "minutes.docx": (files.docx("The board met.", "It agreed."), [(1, "The board met.\nIt agreed.")], [""]),
    "balance.xlsx": (
        files.xlsx({"Assets": [["Cash", 100.5]], "Equity": [["Shares", 7]]}),
        [(1, "Assets\nCash\t100.5"), (2, "Equity\nShares\t7")],
        ["Assets", "Equity"],
    ),
    "page.html": (b"<html><script>x()</script><p>An <b>invoice</b></p></html>", [(1, "An invoice")], [""]),
    "notes.md": (b"# Notes\n\nA covenant.", [(1, "# Notes\n\nA covenant.")], [""]),
    "rates.csv": (b"tenor,rate\n1Y,0.03\n", [(1, "tenor,rate\n1Y,0.03")], [""]),
    "letter.txt": ("Zinssätze\r\nfür 2026".encode("cp1252"), [(1, "Zinssätze\nfür 2026")], [""]),
}


async def test_each_format_is_read_embedded_and_stored_with_its_pages(desk: Desk) -> None:
    for filename, (content, texts, labels) in FORMATS.items():
        event = await desk.upload(content, filename, metadata={"desk": "credit"})
        [answer] = await desk.handle(event)
        stored = await chunks(desk, event)
        assert [(chunk["page"], chunk["content"]) for chunk in stored] == texts, filename
        assert [chunk["content_sha256"] for chunk in stored] == [sha256(text.encode()).digest() for _, text in texts]
        [row] = await desk.rows("select * from documents where document_id = $1", UUID(event.data.document_id))
        assert (row["sha256"], row["bytes"], row["page_labels"]) == (sha256(content).digest(), len(content), labels), filename
        assert (row["is_current"], row["chunks_version"], row["metadata"]) == (True, 1, {"desk": "credit"})
        assert isinstance(answer, dict)
        assert answer | {"tokens": 0, "cost_usd": 0.0} == {
            "document_id": event.data.document_id,
            "version": 1,
            "status": "embedded",
            "pages": len(labels),
            "chunks": len(texts),
            "chunks_reused": 0,
            "tokens": 0,
            "model": MODEL,
            "dimensions": 1536,
            "cost_usd": 0.0,
        }
        assert answer["tokens"] > 0
        assert answer["cost_usd"] > 0
    assert desk.calls() == len(FORMATS)


async def test_what_documents_cost_is_what_the_ledger_says_and_nothing_stays_beside_the_chunks(desk: Desk) -> None:
    for number in range(3):
        await desk.handle(await desk.upload(f"Clause {number}. " * 300))
    [ledger] = await desk.rows("select sum(cost_usd) as cost, sum(input_tokens) as tokens from llm_calls")
    [told] = await desk.rows("select sum(cost_usd) as cost, sum(tokens) as tokens from documents")
    assert told == ledger
    assert told["cost"] > 0
    assert await desk.value("select count(*) from embeddings") == 0


async def test_control_characters_never_reach_the_tables(desk: Desk) -> None:
    event = await desk.upload(b"one\x00 two\x1f three" + b" and more" * 20)
    await desk.handle(event)
    assert [chunk["content"] for chunk in await chunks(desk, event)] == ["one two three" + " and more" * 20]


async def test_a_document_without_text_is_embedded_with_no_chunks_and_no_call(desk: Desk) -> None:
    [answer] = await desk.handle(await desk.upload(" \n "))
    assert isinstance(answer, dict)
    assert (answer["status"], answer["chunks"], answer["pages"], answer["cost_usd"]) == ("embedded", 0, 1, 0.0)
    assert desk.calls() == 0


async def test_a_chunk_that_comes_again_in_a_document_is_asked_for_once(desk: Desk) -> None:
    pages = files.pdf(*[files.written("The same words on every page.")] * 3)
    event = await desk.upload(pages, "a.pdf")
    [answer] = await desk.handle(event)
    assert isinstance(answer, dict)
    assert (answer["chunks"], answer["chunks_reused"]) == (3, 2)
    assert [len(call.inputs) for call in desk.openai.calls().calls] == [1]
    assert len({bytes(str(vector), "ascii") for vector in await desk.rows("select embedding::text from document_chunks")}) == 1


FAILURES: dict[str, tuple[bytes | None, str, dict[str, Any]]] = {
    "unsupported": (b"\x89PNG\r\n\x1a\n", "a.png", {}),
    "encrypted": (files.encrypted_pdf(), "a.pdf", {}),
    "needs_ocr": (files.pdf(files.PICTURE), "a.pdf", {}),
    "too_large": (b"word " * 300, "a.txt", {}),
    "corrupt": (b"no such thing", "a.pdf", {}),
    "not_found": (None, "a.txt", {"uri": "none.txt"}),
    "checksum_mismatch": (b"text", "a.txt", {"sha256": "0" * 64}),
    "forbidden_uri": (None, "a.txt", {"uri": "../secrets.txt"}),
    "embedding_failed": (REFUSED.encode(), "a.txt", {}),
}


@pytest.mark.parametrize("code", FAILURES)
async def test_a_document_that_cannot_be_embedded_fails_for_good_and_says_why(make_desk: MakeDesk, code: str) -> None:
    desk = make_desk(settings=DocumentSettings(limits=Limits(characters=1000 if code == "too_large" else 100_000)))
    content, filename, fields = FAILURES[code]
    event = uploaded(**fields) if content is None else await desk.upload(content, filename, **fields)
    [answer] = await desk.handle(event)
    assert isinstance(answer, dict)
    assert (answer["status"], answer["failure"]["code"]) == ("failed", code)
    assert (answer["chunks"], answer["tokens"], answer["cost_usd"]) == (0, 0, 0.0)
    [row] = await desk.rows("select status, failure_code, is_current, chunks_version from documents")
    assert row == {"status": "failed", "failure_code": code, "is_current": False, "chunks_version": None}
    assert await desk.value("select count(*) from document_chunks") == 0
    assert desk.calls() == (code == "embedding_failed")

    assert await desk.handle(again(event)) == [answer]
    assert desk.calls() == (code == "embedding_failed"), "what is stored answers without work"


async def test_a_file_above_the_limit_is_not_read(make_desk: MakeDesk) -> None:
    desk = make_desk(settings=DocumentSettings(limits=Limits(content_bytes=10)))
    [answer] = await desk.handle(await desk.upload("more than ten bytes"))
    assert isinstance(answer, dict)
    assert answer["failure"]["code"] == "too_large"


async def test_a_failure_that_no_code_tells_is_internal(desk: Desk) -> None:
    [answer] = await desk.save([uploaded()], [Transient("object_store_failed", "no luck")])
    assert isinstance(answer, dict)
    assert answer["failure"] == {"code": "internal", "message": "no luck"}


async def test_what_was_paid_before_a_document_failed_is_told(desk: Desk) -> None:
    event = await desk.upload("Clause. " * 400 + "\n\n" + REFUSED)
    [answer] = await desk.handle(event)
    assert isinstance(answer, dict)
    [ledger] = await desk.rows("select sum(cost_usd) as cost, sum(input_tokens) as tokens from llm_calls")
    assert (answer["status"], answer["failure"]["code"]) == ("failed", "embedding_failed")
    assert (answer["cost_usd"], answer["tokens"]) == (float(ledger["cost"]), ledger["tokens"])
    assert ledger["cost"] > Decimal(0)


QUICK: dict[str, Any] = {"tries": 2, "longest_wait": 0.1}


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Fault("rate_limit", times=None, retry_after=7), Transient),
        (Fault("rate_limit", times=None), Transient),
        (Fault("malformed_body", times=None), Transient),
        (Fault("wrong_length", times=None), Transient),
        (Fault("insufficient_quota", times=None), Outage),
        (Fault("server_error", times=None), Outage),
        (Fault("drop", times=None), Outage),
        (Fault("slow", times=None, seconds=600), Outage),
    ],
    ids=lambda value: value.kind if isinstance(value, Fault) else None,
)
async def test_what_openai_does_not_answer_is_tried_again_later(make_desk: MakeDesk, fault: Fault, kind: type[Failure]) -> None:
    desk = make_desk(**QUICK, embeddings_seconds=0.5 if fault.kind == "slow" else 60.0)
    desk.openai.add(fault)
    event = await desk.upload("A covenant.")
    failure = await desk.outcome(event)
    assert type(failure) is kind
    assert await desk.value("select count(*) from embeddings") == 0
    if isinstance(failure, Transient):
        assert failure.code == "embedding_failed"
        assert failure.after == (fault.retry_after or 0)
        [told] = await desk.save([event], [failure])
        assert isinstance(told, dict)
        assert told["failure"]["code"] == "embedding_failed"
        assert told["cost_usd"] == 0.0, "an answer that cannot be used is in the ledger alone"
    desk.openai.reset()


async def test_after_a_fault_that_passes_the_document_is_embedded(make_desk: MakeDesk) -> None:
    desk = make_desk(**QUICK)
    desk.openai.add(Fault("rate_limit", times=None))
    event = await desk.upload("A covenant.")
    assert isinstance(await desk.outcome(event), Transient)
    desk.openai.reset()
    [answer] = await desk.handle(event)
    assert isinstance(answer, dict)
    assert answer["status"] == "embedded"
