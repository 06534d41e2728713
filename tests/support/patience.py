"""An engine whose time limits a busy machine does not reach, for tests in which no worker dies and no server is away."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from storage.database import Database, SessionLimits
from tests.support.rig import Rig

# Shorter than the patience of those who wait: what an engine could not give back as it stopped is free before they give up.
TERM = 30.0
PATIENCE = 60.0
# For the client of OpenAI: a look that a busy machine makes late would be followed by one that is paid for.
UNHURRIED: dict[str, Any] = {"connect_seconds": PATIENCE, "probe_seconds": PATIENCE}
LIMITS = SessionLimits(idle_in_transaction=PATIENCE, connect=PATIENCE)


async def unhurry(rig: Rig, limits: SessionLimits = LIMITS) -> None:
    """Whoever stands still for some seconds keeps its place in its group, its leases, its claims and its sessions."""
    await rig.close()
    rig.database, rig.limits = Database(rig.database_url, limits=limits), limits
    consumer = replace(rig.config.consumer, session_timeout=TERM)
    rig.config = replace(rig.config, consumer=consumer, claim=TERM, lease=TERM)
