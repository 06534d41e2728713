"""An engine that runs the notes flow, or that of runs, on real servers."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.support.note_rig import note_rig
from tests.support.operators import unhurried
from tests.support.rig import Rig


@pytest.fixture
async def rig(kafka: str, database_url: str, redis_url: str, object_store_url: str, topic_prefix: str) -> AsyncIterator[Rig]:
    """Topics, tables and keys for the notes flow."""
    async with note_rig(topic_prefix, kafka, database_url, redis_url, object_store_url) as rig:
        await unhurried(rig)
        yield rig
