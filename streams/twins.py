"""Records of one event at the same time: the first goes through the lane, the others wait for what becomes of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import UUID

from streams.item import Item


class Twins:
    """The keys between dedupe and settle, each with the items that came meanwhile."""

    def __init__(self) -> None:
        self._waiting: dict[UUID, list[Item] | None] = {}

    def __contains__(self, key: UUID) -> bool:
        return key in self._waiting

    def firsts(self, items: Sequence[Item]) -> list[Item]:
        """The items that go on; each of the others waits for its first."""
        waiting, firsts = self._waiting, []
        for item in items:
            key = item.uuid
            if item.owns_key:  # it has been here before, and waited for a lease
                firsts.append(item)
            elif key in waiting:
                twins = waiting[key]
                if twins is None:
                    waiting[key] = [item]
                else:
                    twins.append(item)
            else:
                waiting[key] = None
                item.owns_key = True
                firsts.append(item)
        return firsts

    def leave(self, items: Iterable[Item]) -> list[Item]:
        """The items are out of the lane; those that waited for them."""
        freed, pop = list[Item](), self._waiting.pop
        for item in items:
            if item.owns_key:
                item.owns_key = False
                twins = pop(item.uuid)
                if twins is not None:
                    freed += twins
        return freed
