"""Operators who retry dead letters: in this process, or by the command line."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from ops.retrying import Retrying
from streams.publisher import Publisher
from tests.support.rig import Rig

CHECKOUT = Path(__file__).resolve().parents[2]
KEPT = ("PATH", "HOME", "LANG", "PYTHONDONTWRITEBYTECODE")


@asynccontextmanager
async def operator(rig: Rig) -> AsyncIterator[Retrying]:
    """One who retries letters on the rig's servers."""
    publisher = Publisher(rig.kafka)
    try:
        yield Retrying(rig.database, publisher, await publisher.topics(), "me@here")
    finally:
        await publisher.close()


async def start_retry(rig: Rig, *arguments: str) -> asyncio.subprocess.Process:
    """`millrace dlq retry` as a process on the rig's servers."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    servers = {"DATABASE_URL": rig.database_url, "KAFKA_BOOTSTRAP_SERVERS": rig.kafka.bootstrap_servers}
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "millrace", "dlq", "retry", *arguments),
        cwd=CHECKOUT,
        env=kept | servers | {"ENVIRONMENT": "test", "PYTHONPATH": str(CHECKOUT)},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
