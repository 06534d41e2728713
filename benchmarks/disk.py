"""How long the disk takes to make a small write durable: every commit of PostgreSQL waits for that at least once.

    python -m benchmarks.disk FOLDER [--every SECONDS]

Writes 8 KB and calls fdatasync, again and again until SIGTERM; prints the milliseconds at the 50th and 99th percentile.
"""

from __future__ import annotations

import argparse
import os
import signal
import tempfile
import time
from pathlib import Path
from threading import Event

from benchmarks.figures import percentiles
from benchmarks.work import report

PAGE = bytes(8192)


def synced(folder: Path, every: float, stop: Event) -> list[float]:
    """Seconds that each write took."""
    took = []
    with tempfile.TemporaryFile(dir=folder) as file:
        while not stop.wait(every):
            begun = time.perf_counter()
            os.pwrite(file.fileno(), PAGE, 0)
            os.fdatasync(file.fileno())
            took.append(time.perf_counter() - begun)
    return took


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--every", type=float, default=0.05)
    arguments, stop = parser.parse_args(), Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    report(percentiles(synced(arguments.folder, arguments.every, stop)))


if __name__ == "__main__":
    main()
