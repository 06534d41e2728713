"""What is kept of a record that is no event."""

from __future__ import annotations

import gc
import weakref

from streams.decoding import read
from streams.item import Item
from tests.support.notes import notes


class Large:
    """Stands for what the functions held that a failure went through."""


def rejected() -> tuple[Item, weakref.ref[Large]]:
    large = Large()
    item = Item("t.notes.requested", 0, 0, None, b"no JSON", (), None)
    assert not read(item, notes("t."))
    return item, weakref.ref(large)


def test_a_rejection_that_is_kept_holds_nothing_of_those_who_found_it() -> None:
    """A batch of records would hang on it until the collector looks, which it seldom does where objects are few and large."""
    gc.disable()
    try:
        item, large = rejected()
        assert item.failure is not None
        assert item.failure.__traceback__ is item.failure.__context__ is None
        assert large() is None
    finally:
        gc.enable()
