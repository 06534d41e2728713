"""Records that are no events: each is a dead letter, just as it came, and its neighbours go on."""

from __future__ import annotations

from collections import Counter

import orjson

from events.topics import dlq
from streams.publish import Outgoing, publish
from tests.support.accounts import all_is_finished
from tests.support.notes import note
from tests.support.rig import Rig

ODD = {
    "garbage": [b"{", b"\xff\xfe\x00", b"", b"[1, 2]", b'"text"', None],
    "invalid_envelope": [b"{}", note("nul\0"), note("x", clientid="no spaces"), note("x", data=[])],
    "invalid_data": [note("x", data={"text": 7}), note("x", data={})],
    "unknown_type": [note("x", type="something.else.v1")],
    "generation_not_allotted": [note("x", generation=3)],
    "too_large": [note("x", "y" * 925_000)],
}

SAID = ["dlq-reason", "dlq-error-class", "dlq-message", "dlq-attempts", "dlq-topic", "dlq-partition", "dlq-offset"]


async def test_each_odd_record_is_one_dead_letter_and_its_neighbours_complete(rig: Rig) -> None:
    odd = [(reason, value) for reason, values in ODD.items() for value in values]
    good = [note(f"n-{number}") for number in range(len(odd))]
    pairs = zip(good, (value for _, value in odd), strict=True)
    records = [Outgoing(rig.spec.topic, b"one key", value) for pair in pairs for value in pair]
    async with rig.engine():
        places = await publish(rig.kafka, records)
        completions = await rig.completions(len(good))
        dead = await rig.dead(len(odd))
        await rig.idle()

    assert Counter(each["causationid"] for each in completions) == Counter(f"n-{number}" for number in range(len(good)))
    rows = await rig.rows('select partition, "offset", reason, value from dead_letters')
    expected = dict(zip(places[1::2], odd, strict=True))
    assert {(row["partition"], row["offset"]): (row["reason"], row["value"]) for row in rows} == expected
    assert Counter(record.value for record in dead) == Counter(value for _, value in odd)


async def test_a_dead_letter_keeps_the_records_key_and_headers_and_says_why_and_where_from(rig: Rig) -> None:
    headers = [("null", None), ("bytes", b"\xff\x00\xfe"), ("twice", b"1"), ("twice", b"2"), ("naïve", b"")]
    async with rig.engine():
        [(partition, offset)] = await publish(rig.kafka, [Outgoing(rig.spec.topic, b"\xffkey", b"{", headers)])  # type: ignore[arg-type]
        [dead] = await rig.dead(1)
        await rig.idle()

    said = [name for name, _ in dead.headers[len(headers) :]]
    assert list(dead.headers[: len(headers)]) == headers
    assert dead.key == b"\xffkey"
    assert said == SAID
    why = dict(dead.headers)
    assert (why["dlq-reason"], why["dlq-attempts"]) == (b"garbage", b"1")
    where = (rig.spec.topic.encode(), str(partition).encode(), str(offset).encode())
    assert (why["dlq-topic"], why["dlq-partition"], why["dlq-offset"]) == where


async def test_odd_headers_do_no_harm_to_a_good_record(rig: Rig) -> None:
    headers = [("null", None), ("bytes", b"\xff\x00\xfe")]
    async with rig.engine():
        await publish(rig.kafka, [Outgoing(rig.spec.topic, b"1", note("n-1"), headers)])  # type: ignore[arg-type]
        [completion] = await rig.completions(1)

    assert completion["causationid"] == "n-1"


async def test_an_unknown_version_is_tried_again_and_then_a_dead_letter_without_a_completion(rig: Rig) -> None:
    version = "note.requested.v2"
    # Side by side before the engine starts: the second comes while the first waits for its next attempt, not after its last.
    await rig.publish_keyed([(b"key", note("n-1", type=version))] * 2)
    async with rig.engine():
        await rig.publish([note("n-2")])
        [dead] = await rig.dead(1)
        [completion] = await rig.completions(1)
        await all_is_finished(rig)

    assert completion["causationid"] == "n-2"
    assert dict(dead.headers)["dlq-attempts"] == str(rig.config.retry.max_attempts).encode()
    assert orjson.loads(dead.value or b"")["id"] == "n-1"
    rows = await rig.rows("select reason, attempts from dead_letters")
    assert rows == [{"reason": "unknown_version", "attempts": rig.config.retry.max_attempts}]
    assert dead.topic == dlq(rig.spec.topic)
