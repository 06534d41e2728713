from __future__ import annotations

import json

import pytest

from devstack.standin.evidence import Chunk, read

CHUNK = Chunk("c-1", "d-1", "3", "The rent\nis unpaid.")


@pytest.mark.parametrize(
    "prompt",
    [
        '<chunk id="c-1" document="d-1" page="3">\nThe rent\nis unpaid.\n</chunk>',
        "<chunk page='3' document_id='d-1' chunk_id='c-1'>The rent\nis unpaid.</chunk>",
        "<evidence-7f3a id=c-1 document=d-1 score=0.7 page=3>The rent\nis unpaid.</evidence-7f3a>",
        '<evidence>\n<CHUNK document="d-1" page="3" id="c-1">The rent\nis unpaid.</CHUNK>\n</evidence>',
        json.dumps({"chunk_id": "c-1", "document_id": "d-1", "page": 3, "text": "The rent\nis unpaid."}),
        json.dumps({"content": "The rent\nis unpaid.", "page": 3, "document_id": "d-1", "chunk_id": "c-1"}) + ",",
    ],
)
def test_a_fenced_chunk_is_found_however_it_is_written(prompt: str) -> None:
    found = read(f"Is it paid?\n{prompt}\nThank you.")
    assert found.chunks == [CHUNK]
    assert found.question.split() == ["Is", "it", "paid?", "Thank", "you."]


def test_chunks_come_in_their_order() -> None:
    prompt = "".join(f'<chunk id="{number}">text {number}</chunk>' for number in range(20))
    assert [chunk.id for chunk in read(prompt).chunks] == [str(number) for number in range(20)]


def test_what_has_no_id_is_no_chunk() -> None:
    found = read('<chunk>one</chunk> <evidence page="2">two</evidence> {"chunk_id": broken}')
    assert found.chunks == []
    assert "one" in found.question


def test_text_is_taken_as_it_stands() -> None:
    assert read('<chunk id="1">5 &lt; 6 & "so" on: a < b</chunk>').chunks[0].text == '5 &lt; 6 & "so" on: a < b'
