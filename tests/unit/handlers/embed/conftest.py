from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def all_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pool waits for its processes as long as a busy machine takes to end them: one left behind fails another test."""
    monkeypatch.setattr("handlers.embed.parsing.CLOSE_SECONDS", 60.0)
