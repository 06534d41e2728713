from __future__ import annotations

from streams.item import Item
from streams.line import Line


def item(offset: int) -> Item:
    return Item("runs.requested", 0, offset, None, b"", (), None)


def is_third(waiting: Item) -> bool:
    return waiting.offset == 2


async def test_items_are_taken_in_order_and_no_more_than_asked_for() -> None:
    line = Line()
    line.put(map(item, range(5)))
    assert [each.offset for each in await line.take(3)] == [0, 1, 2]
    assert [each.offset for each in await line.take(3)] == [3, 4]
    assert len(line) == 0


async def test_an_item_that_is_to_be_alone_is_taken_alone_and_in_its_turn() -> None:
    line = Line()
    line.put(map(item, range(5)))
    taken = [[each.offset for each in await line.take(4, is_third)] for _ in range(3)]
    assert taken == [[0, 1], [2], [3, 4]]
