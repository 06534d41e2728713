from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[3]

# What a worker does with signals, around a shutdown that never ends.
STUCK = """
import asyncio, sys, time
from millrace.worker import _stop_on_signals

async def work():
    stop = _stop_on_signals(float(sys.argv[1]))
    print("ready", flush=True)
    await stop.wait()
    print("stopping", flush=True)
    if sys.argv[2:] == ["busy"]:
        time.sleep(3600)
    await asyncio.sleep(3600)

asyncio.run(work())
"""


@contextmanager
def stuck_worker(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", STUCK, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=CHECKOUT) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
        process.kill()


@pytest.fixture
def stuck() -> Iterator[subprocess.Popen[str]]:
    with stuck_worker("3600") as process:
        yield process


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_a_worker_at_once(stuck: subprocess.Popen[str], number: signal.Signals) -> None:
    assert stuck.stdout is not None
    stuck.send_signal(number)
    assert stuck.stdout.readline() == "stopping\n"
    assert stuck.poll() is None
    stuck.send_signal(number)
    assert stuck.wait(120) == 128 + number


@pytest.mark.parametrize("how", ["asleep", "busy"])
def test_a_shutdown_that_hangs_is_ended_by_its_bound_although_nobody_asks_again(how: str) -> None:
    with stuck_worker("0.5", how) as stuck:
        stuck.send_signal(signal.SIGTERM)
        assert stuck.wait(120) == 0


# A worker whose shutdown gave up on a thread that computes on, as pricing does.
COMPUTING = """
import asyncio, sys, time
from millrace import worker
from millrace.settings import load

async def work(settings, flows):
    asyncio.get_running_loop().run_in_executor(None, time.sleep, 3600)
    await asyncio.sleep(0.1)
    if sys.argv[1] == "raise":
        raise RuntimeError("the engine ended")
    return False

worker._work = work
sys.exit(worker.run(load(env_file=None)))
"""


@pytest.mark.parametrize(("how", "code"), [("stop", 0), ("raise", 1)])
def test_a_thread_that_computes_on_does_not_keep_a_worker_from_ending(how: str, code: int) -> None:
    ended = subprocess.run([sys.executable, "-c", COMPUTING, how], cwd=CHECKOUT, timeout=200, check=False, capture_output=True)
    assert ended.returncode == code, ended.stderr
