from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[3]

# What a worker does with signals, around a shutdown that never ends.
STUCK = """
import asyncio
from millrace.worker import _stop_on_signals

async def work():
    stop = _stop_on_signals()
    print("ready", flush=True)
    await stop.wait()
    print("stopping", flush=True)
    await asyncio.sleep(3600)

asyncio.run(work())
"""


@pytest.fixture
def stuck() -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen([sys.executable, "-c", STUCK], stdout=subprocess.PIPE, text=True, cwd=CHECKOUT) as process:
        yield process
        process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_a_worker_at_once(stuck: subprocess.Popen[str], number: signal.Signals) -> None:
    assert stuck.stdout is not None
    assert stuck.stdout.readline() == "ready\n"
    stuck.send_signal(number)
    assert stuck.stdout.readline() == "stopping\n"
    assert stuck.poll() is None
    stuck.send_signal(number)
    assert stuck.wait(30) == 128 + number
