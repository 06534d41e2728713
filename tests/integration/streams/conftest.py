"""An engine that runs the notes flow on real servers."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.support.note_rig import note_rig
from tests.support.patience import unhurry
from tests.support.rig import Rig


@pytest.fixture
async def rig(
    kafka: str,
    database_url: str,
    redis_url: str,
    object_store_url: str,
    topic_prefix: str,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Rig]:
    """Topics, tables and keys for the notes flow; what an engine gives back as it stops is back, however long that takes."""
    monkeypatch.setattr("streams.app.GIVE_BACK_SECONDS", 60.0)
    async with note_rig(topic_prefix, kafka, database_url, redis_url, object_store_url) as rig:
        await unhurry(rig)
        yield rig
