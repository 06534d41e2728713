"""Whether a lane may go on: it stands still while anything has a reason for that."""

from __future__ import annotations

import asyncio


class Gate:
    """Open, unless somebody has shut it; each who does names its reason, and opens it again for itself alone."""

    def __init__(self) -> None:
        self._reasons: dict[str, str] = {}
        self._open, self._shut = asyncio.Event(), asyncio.Event()
        self._open.set()

    @property
    def is_open(self) -> bool:
        return not self._reasons

    @property
    def reasons(self) -> dict[str, str]:
        """Who keeps it shut, and why."""
        return dict(self._reasons)

    def shut(self, who: str, why: str) -> None:
        self._reasons[who] = why
        self._open.clear()
        self._shut.set()

    def open(self, who: str) -> None:
        """Takes back the reason of `who`, if it has one."""
        self._reasons.pop(who, None)
        if not self._reasons:
            self._shut.clear()
            self._open.set()

    async def wait_until_open(self) -> None:
        await self._open.wait()

    async def wait_until_shut(self) -> None:
        await self._shut.wait()
