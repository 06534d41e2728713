from __future__ import annotations

import orjson
import pytest

from events.event import decode
from events.topics import CONSUMED_TYPES, TOPIC_OF_TYPE, TOPICS
from handlers.embed.kinds import Kind, kind_of
from handlers.embed.model import Limits
from millrace.demo.objects import objects
from millrace.examples import SOURCE, fresh
from millrace.outgoing import check


@pytest.mark.parametrize("event_type", [topic.event_type for topic in TOPICS if topic.sender == "upstream"])
def test_every_type_of_upstream_has_a_valid_example_with_fresh_ids(event_type: str) -> None:
    first, second = fresh(event_type, "acme"), fresh(event_type, "acme")
    key = TOPIC_OF_TYPE[event_type].key
    flow = TOPIC_OF_TYPE[event_type].flow or ""
    event = decode(orjson.dumps(first), flow, {event_type: CONSUMED_TYPES[event_type]})
    assert (event.client_id, event.source, event.subject) == ("acme", SOURCE, first["data"][key])
    assert first["id"] != second["id"]
    assert first["data"][key] != second["data"][key]
    (ready,) = check([orjson.dumps(first)]).events
    assert (ready.topic, ready.key) == (TOPIC_OF_TYPE[event_type].name, first["data"][key].encode())


def test_the_example_document_is_one_of_those_that_the_demonstration_stores() -> None:
    data = fresh("document.uploaded.v1", "acme")["data"]
    content = dict(objects())[data["uri"]]
    assert kind_of(content, data["filename"], data["media_type"], Limits()) == Kind.PDF


def test_the_example_audit_asks_for_all_documents_of_its_client_so_that_it_works_after_any_upload() -> None:
    data = fresh("audit.created.v1", "acme")["data"]
    assert "document_ids" not in data
    assert "run_ids" not in data
