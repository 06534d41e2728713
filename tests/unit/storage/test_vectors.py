from __future__ import annotations

import numpy as np
import pytest
from pgvector import Vector

from storage.vectors import vector_octets, vector_of


def test_a_vector_is_written_as_pgvector_writes_it() -> None:
    vector = np.array([0.1, -2.5, 3e-9], np.float32)
    assert vector_octets(vector) == Vector(vector).to_binary()


def test_a_vector_comes_back_as_it_was() -> None:
    vector = np.random.default_rng(0).normal(size=1536).astype(np.float32)
    back = vector_of(vector_octets(vector))
    assert back.dtype == np.float32
    np.testing.assert_array_equal(back, vector)


def test_octets_that_tell_another_length_are_no_vector() -> None:
    with pytest.raises(ValueError, match="2 values where 3 are told"):
        vector_of(vector_octets(np.zeros(3, np.float32))[:-4])
