"""Ending what was started for the flows."""

from __future__ import annotations

from typing import Any

import pytest

from handlers.resources import Resources


class Ending:
    """Something that is closed, with an error if it has one."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error, self.closed = error, False

    async def close(self) -> None:
        self.closed = True
        if self.error is not None:
            raise self.error


async def test_answers_are_stored_although_the_parsers_do_not_end() -> None:
    nowhere: Any = None
    llm: Any = Ending()
    parsers: Any = Ending(OSError("no luck"))
    with pytest.raises(OSError, match="no luck"):
        await Resources(nowhere, nowhere, llm=llm, parsers=parsers).close()
    assert llm.closed
