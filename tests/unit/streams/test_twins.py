"""Of the records of one event only one is in the lane, and none is lost."""

from __future__ import annotations

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from streams.item import Item
from streams.twins import Twins


def item_of(key: int, offset: int = 0) -> Item:
    item = Item("runs.requested", 0, offset, None, b"", (), None)
    item.uuid = UUID(int=key)
    return item


def test_the_first_goes_on_and_its_twins_come_back_when_it_leaves() -> None:
    twins, first, second, third = Twins(), item_of(1), item_of(1), item_of(1)
    assert twins.firsts([first, second]) == [first]
    assert twins.firsts([third]) == []
    assert twins.leave([first]) == [second, third]
    assert twins.firsts([second, third]) == [second]


def test_one_that_owns_its_key_goes_on_when_it_comes_again() -> None:
    twins, first = Twins(), item_of(1)
    twins.firsts([first])
    assert twins.firsts([first]) == [first]


def test_one_that_waits_for_its_first_frees_nobody_when_it_leaves() -> None:
    twins, first, second = Twins(), item_of(1), item_of(1)
    twins.firsts([first, second])
    assert twins.leave([second]) == []
    assert twins.firsts([item_of(1)]) == []


@given(st.lists(st.integers(0, 3), max_size=30), st.integers(1, 5))
def test_every_record_gets_its_turn_and_no_two_of_one_event_at_once(keys: list[int], batch: int) -> None:
    twins, queue = Twins(), [item_of(key, offset) for offset, key in enumerate(keys)]
    done = list[Item]()
    while queue:
        firsts = twins.firsts(queue[:batch])
        assert len({item.uuid for item in firsts}) == len(firsts)
        queue = queue[batch:] + twins.leave(firsts)
        done += firsts
    assert sorted(item.offset for item in done) == list(range(len(keys)))
