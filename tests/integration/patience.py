"""An engine whose time limits a busy machine does not reach, for tests in which no worker dies."""

from __future__ import annotations

from dataclasses import replace

from streams.config import EngineConfig

# Shorter than the patience of those who wait: what an engine could not give back as it stopped is free before they give up.
TERM = 30.0


def patient(config: EngineConfig) -> EngineConfig:
    """The same, but whoever stands still for some seconds keeps its place in its group, its leases and its claims."""
    consumer = replace(config.consumer, session_timeout=TERM)
    return replace(config, consumer=consumer, claim=TERM, lease=TERM)
