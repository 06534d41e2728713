from __future__ import annotations

from streams.item import Item
from streams.line import Line

NO_BOUND = 1_000_000


def item(offset: int, value: bytes = b"") -> Item:
    return Item("runs.requested", 0, offset, None, value, (), None)


async def test_items_are_taken_in_order_and_no_more_than_asked_for() -> None:
    line = Line()
    line.put(map(item, range(5)))
    assert [each.offset for each in await line.take(3, NO_BOUND)] == [0, 1, 2]
    assert [each.offset for each in await line.take(3, NO_BOUND)] == [3, 4]
    assert len(line) == 0


async def test_large_items_are_taken_few_at_a_time_and_one_at_least() -> None:
    line = Line()
    line.put([item(0, bytes(9000)), item(1), item(2), item(3, bytes(9000)), item(4)])
    size = 3 * item(1).size
    taken = [[each.offset for each in await line.take(10, size)] for _ in range(3)]
    assert taken == [[0], [1, 2, 3], [4]]
