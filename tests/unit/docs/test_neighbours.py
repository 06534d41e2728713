"""What docs/upstream.md and docs/downstream.md say of topics and limits."""

from __future__ import annotations

import re

import pytest

from events.event import MAX_EVENT_BYTES
from events.topics import TOPICS
from tests.support.markdown import fenced, read, section

UPSTREAM, DOWNSTREAM = "docs/upstream.md", "docs/downstream.md"


def lines_of_code(document: str) -> int:
    program = next(block for block in fenced(read(document)) if block.startswith("import asyncio"))
    return len([line for line in program.splitlines() if line.strip()])


@pytest.mark.parametrize("document", [UPSTREAM, DOWNSTREAM])
def test_the_program_is_short(document: str) -> None:
    assert lines_of_code(document) <= 15


@pytest.mark.parametrize("document", [UPSTREAM, DOWNSTREAM])
def test_the_limit_of_an_event_is_told(document: str) -> None:
    assert f"at most {MAX_EVENT_BYTES // 1024} KiB" in read(document)


@pytest.mark.parametrize(("document", "heading", "sender"), [
    (UPSTREAM, "What to publish, and where", "upstream"), (DOWNSTREAM, "What comes, and where", "millrace"),
])  # fmt: skip
def test_topics_types_and_keys_are_those_that_hold(document: str, heading: str, sender: str) -> None:
    rows = re.findall(r"^\| `(\S+)` \| `(\S+)` \| (\S+) \|", section(read(document), heading), re.MULTILINE)
    assert rows == [
        (topic.name, topic.event_type, topic.key)
        for topic in TOPICS
        if topic.sender == sender and (sender == "upstream" or topic.flow is None)
    ]
