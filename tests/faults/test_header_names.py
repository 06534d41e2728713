"""A header name need not be text: Kafka takes any octets, and so do we."""

from __future__ import annotations

import pytest
from aiokafka.producer import message_accumulator, producer
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy

from streams.publish import Outgoing, publish
from tests.support.notes import note
from tests.support.offsets import remaining
from tests.support.rig import Rig, eventually


class Octets(str):
    """A header name that a client in another language may send."""

    __slots__ = ()

    def encode(self, _encoding: str = "utf-8", _errors: str = "strict") -> bytes:
        return b"\xff\xfe"


async def publish_oddly(rig: Rig, values: list[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    """Each value under a header name that is not UTF-8; aiokafka's own way of writing in Python takes one."""
    with monkeypatch.context() as patch:
        for module in (message_accumulator, producer):
            patch.setattr(module, "DefaultRecordBatchBuilder", _DefaultRecordBatchBuilderPy)
        await publish(rig.kafka, [Outgoing(rig.spec.topic, b"one key", value, [(Octets("x"), b"1")]) for value in values])


async def test_an_event_with_a_header_name_that_is_no_text_completes_like_its_neighbours(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    await rig.publish_keyed([(b"one key", note("before"))])
    await publish_oddly(rig, [note("odd"), b"garbage"], monkeypatch)
    await rig.publish_keyed([(b"one key", note("after"))])
    async with rig.engine():
        completions = await rig.completions(3)
        [dead] = await rig.dead(1)
        await eventually(lambda: remaining(rig.kafka, f"{rig.spec.topic}.notes", rig.spec.topic), 0)

    assert {each["causationid"] for each in completions} == {"before", "odd", "after"}
    assert (dead.value, dead.headers[0]) == (b"garbage", ("??", b"1"))
