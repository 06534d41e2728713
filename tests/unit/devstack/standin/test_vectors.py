from __future__ import annotations

import base64
import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devstack.standin.vectors import as_base64, embed


def likeness(one: str, other: str, dimensions: int = 1536) -> float:
    return sum(a * b for a, b in zip(embed(one, dimensions), embed(other, dimensions), strict=True))


@given(st.text(), st.sampled_from([1, 2, 256, 1536]))
def test_any_text_has_a_vector_of_length_one(text: str, dimensions: int) -> None:
    vector = embed(text, dimensions)
    assert len(vector) == dimensions
    assert math.isclose(math.hypot(*vector), 1.0, rel_tol=1e-9)


def test_a_vector_is_the_same_in_every_process() -> None:
    found = {index: value for index, value in enumerate(embed("overdue", 1536)) if value}
    assert found == {50: -0.5, 90: 0.5, 847: -0.5, 1031: 0.5}


@pytest.mark.parametrize("dimensions", [256, 1536])
def test_texts_that_share_words_are_nearer_than_texts_that_do_not(dimensions: int) -> None:
    question = "What interest rate does the loan agreement set?"
    near = "The loan agreement sets an interest rate of 5.25 % a year, paid quarterly."
    far = "The board approved the minutes of its last meeting and elected a new chair."
    assert likeness(question, near, dimensions) > 0.3 > likeness(question, far, dimensions) + 0.15


def test_order_case_and_plurals_matter_little() -> None:
    assert likeness("Unpaid invoices of March", "unpaid INVOICE of march") > 0.95
    assert likeness("interest on the loan", "the loan interest") > 0.6


def test_what_is_said_often_weighs_more_but_not_as_often_more() -> None:
    assert 1.5 < likeness("rent", "rent, tax") / likeness("tax", "rent, rent, rent, tax") < 2.2


def test_words_that_are_everywhere_do_not_make_texts_alike() -> None:
    assert likeness("the chair of the board", "the price of the bond") < 0.2


def test_a_vector_is_encoded_as_little_endian_floats() -> None:
    decoded = struct.unpack("<3f", base64.b64decode(as_base64([0.5, -0.25, 1.0])))
    assert decoded == (0.5, -0.25, 1.0)
