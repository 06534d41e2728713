"""The notes flow on topics, tables and keys of a test's own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.support.notes import TABLE, NotesFlow, notes
from tests.support.rig import Rig


@asynccontextmanager
async def note_rig(prefix: str, *servers: str, also: str = "") -> AsyncIterator[Rig]:
    """A rig on `servers`, which are those of Rig; a statement to prepare it by can be added. Closed afterwards."""
    NotesFlow.forget()
    rig = Rig(notes(prefix), *servers)
    await rig.prepare(TABLE, *([also] if also else []))
    yield rig
    await rig.close()
