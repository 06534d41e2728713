"""What a run is summed up as: figures for people and for programs."""

from __future__ import annotations

import signal
from collections import Counter
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.faults.rig.driver import Course
from tests.faults.rig.world import World

DIGITS = str.maketrans("", "", "0123456789")


def summary(world: World, course: Course) -> dict[str, Any]:
    """All figures of a run, JSON throughout."""
    crew, judged = world.crew, course.judgement
    return {
        "seed": world.seed,
        "seconds": round(course.seconds, 1),
        "faults": len(world.caused),
        "faults_by_name": dict(Counter(fault.name.translate(DIGITS) for fault in world.caused)),
        "records": len(world.manifest.sent),
        "accepted": judged.accepted,
        "rejected": judged.rejected,
        "large_runs": judged.large_runs,
        "runs_cancelled": judged.runs_cancelled,
        "slices_ended": judged.slices_ended,
        "slices_failed": judged.slices_failed,
        "requests_published_again": judged.repeated_requests,
        "workers": len(crew.workers),
        "kills": sum(each.exit_code == -signal.SIGKILL for each in crew.workers),
        "repeated_completions": judged.repeated_completions,
        "repeated_letters": judged.repeated_letters,
        "answers_paid_twice": judged.paid_twice,
        "looks_at_offsets": world.watch.looks,
        "longest_standstill_seconds": round(world.watch.longest_standstill, 1),
        "peak_rss_mb": round(max((each.peak_kib for each in crew.workers), default=0) / 1024),
        "findings": [[each.kind, each.told] for each in course.findings],
    }


def show(told: dict[str, Any]) -> None:
    """The table at the end of a run."""
    table = Table(title=f"seed {told['seed']}: {'red' if told['findings'] else 'green'}")
    table.add_column("what")
    table.add_column("", justify="right")
    for name, value in told.items():
        if isinstance(value, int | float):
            table.add_row(name.replace("_", " "), f"{value:,}")
    table.add_row("findings", str(len(told["findings"])))
    Console().print(table)
