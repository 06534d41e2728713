from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.support.patience import unhurry
from tests.support.rig import Rig
from tests.support.worker import flow_named

# Cells.
A_SLICE = 4


@pytest.fixture
async def rig(kafka: str, database_url: str, redis_url: str, object_store_url: str, topic_prefix: str) -> AsyncIterator[Rig]:
    """Runs of ten positions are priced in three slices."""
    flows = flow_named("runs", topic_prefix), flow_named("slices", topic_prefix)
    rig = Rig(flows[0], kafka, database_url, redis_url, object_store_url, beside=flows[1:], slice_cells=A_SLICE)
    await unhurry(rig)
    await rig.prepare()
    yield rig
    await rig.close()
