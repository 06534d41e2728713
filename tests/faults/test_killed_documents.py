"""Documents while their worker is killed: each version once in effect, and no text paid for twice."""

from __future__ import annotations

from collections import Counter, defaultdict
from hashlib import sha256
from random import SystemRandom

import orjson

from devstack.standin import tokens
from devstack.standin.control import Control
from devstack.standin.faults import Fault
from streams.publish import publish
from tests.support.accounts import all_is_finished
from tests.support.deaths import killed_amid
from tests.support.papers import Papers, papers
from tests.support.rig import Rig
from tests.support.worker_process import Workers

KILLS = (30, 80, 140)
DAM = 160
CHUNKS = """
select document_id::text, version, array_agg(content order by ordinal) as texts from document_chunks
group by document_id, version
"""
VECTORS = """
select client_id, content_sha256 from document_chunks union select client_id, content_sha256 from embeddings
"""
ROWS = """
select event_id, document_id::text, version, status, is_current, chunks, chunks_version, failure_code, tokens from documents
"""


async def test_two_hundred_documents_are_embedded_once_although_the_worker_is_killed_three_times(
    documents_rig: Rig, document_workers: Workers, openai: Control
) -> None:
    seed = SystemRandom().randrange(2**32)
    print(f"seed {seed}")  # noqa: T201 - shown when the test fails
    told = papers(seed)
    openai.add(Fault("slow", endpoint="embeddings", seconds=0.15, times=None))
    for paper in told.papers:
        await documents_rig.objects.put(paper.uri, paper.content)
    await publish(documents_rig.kafka, told.outgoing(documents_rig.spec.topic))

    await killed_amid(documents_rig, document_workers, "documents", KILLS, DAM, len(told.papers))
    await document_workers.start()
    await all_is_finished(documents_rig)

    await each_version_stands_once(documents_rig, told)
    await each_upload_is_answered_once(documents_rig, told)
    await no_text_is_paid_for_twice(documents_rig, told)


async def each_version_stands_once(rig: Rig, told: Papers) -> None:
    """Rows and chunks are those of the papers; the highest version that could be read is the current one."""
    rows = {(row["document_id"], row["version"]): row for row in await rig.rows(ROWS)}
    assert rows.keys() == {(paper.document_id, paper.version) for paper in told.papers}
    chunks = {(row["document_id"], row["version"]): tuple(row["texts"]) for row in await rig.rows(CHUNKS)}
    newest = defaultdict(int)
    for paper in told.papers:
        row = rows[paper.document_id, paper.version]
        if paper.failure is not None:
            assert (row["status"], row["failure_code"], row["chunks"]) == ("failed", paper.failure, 0)
            continue
        newest[paper.document_id] = max(newest[paper.document_id], paper.version)
        assert row["status"] in {"embedded", "unchanged", "superseded"}
        if row["status"] != "superseded":
            assert chunks[paper.document_id, row["chunks_version"]] == paper.chunks
            assert row["chunks"] == len(paper.chunks or ())
    current = {(row["document_id"], row["version"]) for row in rows.values() if row["is_current"]}
    assert current == set(newest.items())


async def each_upload_is_answered_once(rig: Rig, told: Papers) -> None:
    """One inbox row and one logical completion an event, dead letters for what failed or was no event."""
    events = Counter(paper.event_id for paper in told.papers)
    assert Counter(row["event_id"] for row in await rig.rows("select event_id from inbox")) == events
    ids = defaultdict(set)
    for record in await rig.published(rig.spec.completed_topic, len(events)):
        completion = orjson.loads(record.value or b"")
        ids[completion["causationid"]].add(completion["id"])
    assert ids.keys() == events.keys()
    assert {len(each) for each in ids.values()} == {1}
    failed = [paper.failure for paper in told.papers if paper.failure is not None]
    letters = Counter(row["reason"] for row in await rig.rows("select reason from dead_letters"))
    assert letters == Counter(failed) + Counter({"garbage": told.garbage})


async def no_text_is_paid_for_twice(rig: Rig, told: Papers) -> None:
    """What was answered and stored was asked once: the ledger's tokens are those of the distinct texts that have a vector.

    A version that was overtaken has none if that was seen before it was read, and leaves its vectors for others if after.
    """
    texts = {(client_id, sha256(text.encode()).digest()): text for client_id, text in told.texts}
    stored = {(row["client_id"], row["content_sha256"]) for row in await rig.rows(VECTORS)}
    [ledger] = await rig.rows("select sum(input_tokens)::int as tokens from llm_calls")
    assert ledger["tokens"] == sum(tokens.count(texts[each]) for each in stored)
    [of_documents] = await rig.rows("select sum(tokens)::int as tokens from documents")
    [kept] = await rig.rows("select coalesce(sum(tokens), 0)::int as tokens from embeddings")
    assert of_documents["tokens"] + kept["tokens"] >= ledger["tokens"]
