"""What one worker process is told to do, and what it measures of itself. Imports nothing but Python, for any environment."""

from __future__ import annotations

import argparse
import json
import resource
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROW = ("event_id", "sensor", "value")


@dataclass(frozen=True, slots=True)
class Assignment:
    """From which topic to which, how many events (0: until SIGTERM), the longest that something may wait in a batch.

    `variant` is one of a way's own, such as the processing guarantee; `group` names the consumer group.
    """

    source: str
    target: str
    count: int
    linger: float
    variant: str

    @property
    def group(self) -> str:
        return self.target

    @staticmethod
    def read(argv: list[str] | None = None) -> Assignment:
        """As the command line says it: SOURCE TARGET [--count N] [--linger SECONDS] [--variant NAME]."""
        parser = argparse.ArgumentParser()
        parser.add_argument("source")
        parser.add_argument("target")
        parser.add_argument("--count", type=int, default=0)
        parser.add_argument("--linger", type=float, default=1.0)
        parser.add_argument("--variant", default="")
        return Assignment(**vars(parser.parse_args(argv)))


class Stopwatch:
    """Wall and CPU seconds between the first event and the last; CPU is that of all threads and children of this process."""

    def __init__(self) -> None:
        self._begun: tuple[float, float] | None = None

    @property
    def runs(self) -> bool:
        return self._begun is not None

    def start(self) -> None:
        """Begins at the first call; later ones change nothing."""
        if self._begun is None:
            self._begun = time.perf_counter(), _cpu_seconds()

    def read(self) -> dict[str, Any]:
        """What there is to report: `wall_s`, `cpu_s`, `peak_mb`."""
        wall, cpu = self._begun or (time.perf_counter(), _cpu_seconds())
        return {"wall_s": time.perf_counter() - wall, "cpu_s": _cpu_seconds() - cpu, "peak_mb": peak_mb()}


def report(measured: dict[str, Any]) -> None:
    """Prints what was measured as the last line, which the driver reads."""
    print(json.dumps(measured), flush=True)


def peak_mb(pid: int | str = "self") -> float:
    """The most memory a process has held. (`getrusage` would count what its parent held before it became this one.)"""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def _cpu_seconds() -> float:
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in used)
