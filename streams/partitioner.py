"""Kafka's default partitioning (murmur2 of the key, as in its Java client), computed for a batch of keys at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

SEED = np.uint32(0x9747B28C)
M = np.uint32(0x5BD1E995)
POSITIVE = np.uint32(0x7FFFFFFF)


def murmur2(keys: Sequence[bytes]) -> npt.NDArray[np.uint32]:
    """The murmur2 hash of each key (source: org.apache.kafka.common.utils.Utils.murmur2)."""
    hashes = np.empty(len(keys), dtype=np.uint32)
    places: defaultdict[int, list[int]] = defaultdict(list)
    for place, key in enumerate(keys):
        places[len(key)].append(place)
    for length, where in places.items():
        hashes[where] = _same_length(b"".join([keys[place] for place in where]), len(where), length)
    return hashes


def partitions_of(keys: Sequence[bytes], partitions: int) -> list[int]:
    """The partition of each key among `partitions`."""
    chosen: list[int] = ((murmur2(keys) & POSITIVE) % np.uint32(partitions)).tolist()
    return chosen


def _same_length(joined: bytes, count: int, length: int) -> npt.NDArray[np.uint32]:
    octets = np.frombuffer(joined, dtype=np.uint8).reshape(count, length)
    whole = length // 4
    words = np.ascontiguousarray(octets[:, : whole * 4]).view("<u4").reshape(count, whole)
    state = np.full(count, SEED ^ np.uint32(length), dtype=np.uint32)
    for column in range(whole):
        mixed = words[:, column] * M
        mixed ^= mixed >> np.uint32(24)
        state = state * M ^ mixed * M
    for place in range(length - 1, whole * 4 - 1, -1):
        state ^= octets[:, place].astype(np.uint32) << np.uint32(8 * (place - whole * 4))
    if length % 4:
        state = state * M
    state ^= state >> np.uint32(13)
    state = state * M
    state ^= state >> np.uint32(15)
    return state
