"""A flow whose events are of several types, each of which has steps of its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from events.event import Event
from events.model import Data
from storage.database import Connection

if TYPE_CHECKING:
    from handlers.flow import Flow


class ByType:
    """Gives each event to the flow of its data's type. In `save` the types have their turns in the order of the mapping."""

    def __init__(self, flows: Mapping[type[Data], Flow]) -> None:
        self.flows = flows

    async def load(self, events: Sequence[Event]) -> Sequence[Any]:
        """As the flow of each type has it."""
        return await self._dealt(events, lambda flow, places: flow.load([events[place] for place in places]))

    async def work(self, events: Sequence[Event], loaded: Sequence[Any]) -> Sequence[Any]:
        """As the flow of each type has it."""

        def step(flow: Flow, places: Sequence[int]) -> Awaitable[Sequence[Any]]:
            return flow.work([events[place] for place in places], [loaded[place] for place in places])

        return await self._dealt(events, step)

    async def save(self, connection: Connection, events: Sequence[Event], results: Sequence[Any]) -> Sequence[Any]:
        """As the flow of each type has it."""

        def step(flow: Flow, places: Sequence[int]) -> Awaitable[Sequence[Any]]:
            return flow.save(connection, [events[place] for place in places], [results[place] for place in places])

        return await self._dealt(events, step)

    async def _dealt(
        self, events: Sequence[Event], step: Callable[[Flow, Sequence[int]], Awaitable[Sequence[Any]]]
    ) -> list[Any]:
        """What the step gives for each event."""
        given: list[Any] = [None] * len(events)
        for model, flow in self.flows.items():
            places = [place for place, event in enumerate(events) if type(event.data) is model]
            if places:
                for place, each in zip(places, await step(flow, places), strict=True):
                    given[place] = each
        return given
