"""Keys go to the partitions where Kafka's own clients put them."""

from __future__ import annotations

from aiokafka.partitioner import DefaultPartitioner, murmur2
from hypothesis import given
from hypothesis import strategies as st

from streams import partitioner


@given(st.lists(st.binary(max_size=64), max_size=40))
def test_hashes_agree_with_the_reference(keys: list[bytes]) -> None:
    assert partitioner.murmur2(keys).tolist() == [murmur2(key) & 0xFFFFFFFF for key in keys]


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=20), st.integers(1, 100))
def test_partitions_agree_with_the_default_partitioner(keys: list[bytes], count: int) -> None:
    everywhere = list(range(count))
    reference = [DefaultPartitioner()(key, everywhere, everywhere) for key in keys]
    assert partitioner.partitions_of(keys, count) == reference
