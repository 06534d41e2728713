"""Events that wait for a hand, handed out fairly between clients."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Sequence

from handlers.flow import FlowSpec
from streams.item import Item


class FairLine:
    """First in, first out for each client, and the clients take turns, event by event.

    A lane has as many slots as its hands take events; a heavy event is worked on alone, so it fills a hand. While others wait,
    no client gets more than its `share` of the slots (one at least); alone it may have them all. A client that waits gets a
    slot at the latest when each of the others has had one since.

    What waits here is decoded, and takes many times its bytes: once it has more than `size`, decoding is to wait.
    """

    def __init__(self, spec: FlowSpec, share: float, size: int) -> None:
        self.size, self._waiting_size, self._room = size, 0, asyncio.Event()
        self._room.set()
        self.most, self.heavy = spec.batch, spec.heavy
        self.share = max(1, int(spec.batch * spec.hands * share))
        self.held = Counter[str]()
        self._waiting: dict[str, deque[Item]] = {}
        self._turns: deque[str] = deque()
        self._some = asyncio.Event()

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))

    def put(self, items: Sequence[Item]) -> None:
        waiting = self._waiting
        for item in items:
            client = item.event.client_id
            theirs = waiting.get(client)
            if theirs is None:
                waiting[client] = deque((item,))
                self._turns.append(client)
            else:
                theirs.append(item)
        if waiting:
            self._some.set()
        self._count(sum([item.size for item in items]))

    async def wait_for_room(self) -> None:
        await self._room.wait()

    async def take(self) -> list[Item]:
        """Waits until there is something; a batch of the flow, or one heavy event. To be given back when it is worked."""
        while not self._waiting:
            self._some.clear()
            await self._some.wait()
        taken = self._of_one(self._turns[0]) if len(self._turns) == 1 else self._of_many()
        self._count(-sum([item.size for item in taken]))
        if len(taken) == 1 and self._is_heavy(taken[0]):
            self.held[taken[0].event.client_id] += self.most - 1
        return taken

    def give_back(self, batch: Sequence[Item]) -> None:
        """The slots of a batch are free again."""
        weight = self.most if len(batch) == 1 and self._is_heavy(batch[0]) else 1
        for client, number in Counter([item.event.client_id for item in batch]).items():
            self.held[client] -= number * weight
            if not self.held[client]:
                del self.held[client]

    def _count(self, size: int) -> None:
        self._waiting_size += size
        if self._waiting_size < self.size:
            self._room.set()
        else:
            self._room.clear()

    def _of_one(self, client: str) -> list[Item]:
        """The batch where only one client waits: nothing has to be weighed."""
        theirs, heavy, most = self._waiting[client], self.heavy, self.most
        taken = [theirs.popleft()]
        if not self._is_heavy(taken[0]):
            while len(taken) < most and theirs and not heavy(theirs[0].event.data):
                taken.append(theirs.popleft())
        if not theirs:
            del self._waiting[client]
            self._turns.clear()
        self.held[client] += len(taken)
        return taken

    def _of_many(self) -> list[Item]:
        taken = [self._next()]
        if not self._is_heavy(taken[0]):
            while len(taken) < self.most and self._waiting and not self._is_heavy(self._waiting[self._whose_turn()][0]):
                taken.append(self._next())
        return taken

    def _next(self) -> Item:
        client = self._whose_turn()
        self._turns.popleft()
        theirs = self._waiting[client]
        item = theirs.popleft()
        if theirs:
            self._turns.append(client)
        else:
            del self._waiting[client]
        self.held[client] += 1
        return item

    def _whose_turn(self) -> str:
        """The client whose turn it is, now at the head; one that has its share is passed over unless all have."""
        turns = self._turns
        if len(turns) > 1:
            for _ in range(len(turns)):
                if self.held[turns[0]] < self.share:
                    break
                turns.rotate(-1)
        return turns[0]

    def _is_heavy(self, item: Item) -> bool:
        return self.heavy(item.event.data)
