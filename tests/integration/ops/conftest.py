"""An engine that runs the notes flow, or that of runs, on real servers."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.support.notes import TABLE, NotesFlow, notes
from tests.support.rig import Rig


@pytest.fixture
async def rig(kafka: str, database_url: str, redis_url: str, object_store_url: str, topic_prefix: str) -> AsyncIterator[Rig]:
    """Topics, tables and keys for the notes flow."""
    NotesFlow.worked.clear()
    NotesFlow.batches.clear()
    NotesFlow.running.clear()
    rig = Rig(notes(topic_prefix), kafka, database_url, redis_url, object_store_url)
    await rig.prepare(TABLE)
    yield rig
    await rig.close()
