"""Vectors on their way to and from Postgres, as pgvector sends them: two numbers of two octets, then big-endian float4.

The driver has no codec for the type, so vectors are read with `vector_send(embedding)`, which gives bytea, and written
by binary COPY: an eighth of the time that their text takes, and none of it for parsing. A single vector, such as a
search's, may as well go as `$1::real[]::vector`.

Source: vector_send and vector_recv in pgvector's src/vector.c.
"""

from __future__ import annotations

import struct
from typing import Final

import numpy as np
from numpy.typing import NDArray

HEAD: Final = struct.Struct(">HH")


def vector_octets(vector: NDArray[np.float32]) -> bytes:
    """One vector as pgvector receives it, without the length that a field of COPY has before it."""
    return HEAD.pack(len(vector), 0) + vector.astype(">f4").tobytes()


def vector_of(octets: bytes) -> NDArray[np.float32]:
    """The vector that `vector_send` gave. Raises ValueError when the octets are no vector's."""
    dimensions, _ = HEAD.unpack_from(octets)
    values = np.frombuffer(octets, ">f4", offset=HEAD.size)
    if len(values) != dimensions:
        raise ValueError(f"{len(values)} values where {dimensions} are told")
    return values.astype(np.float32)
