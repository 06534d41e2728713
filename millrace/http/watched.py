"""What HTTP needs to know of the engine."""

from __future__ import annotations

from typing import Any, Protocol


class Watched(Protocol):
    """Something that works, and can be asked how it is."""

    async def health(self) -> dict[str, str]:
        """Each server that the enabled flows need, and `ok` or the error with which it does not answer."""
        ...

    def stalls(self) -> dict[str, str]:
        """What does not move although it should, and why; known without asking anybody."""
        ...

    def asyncapi(self) -> dict[str, Any]:
        """The AsyncAPI document of what is consumed and published."""
        ...
