"""What the engine does a second, how soon and in how much memory, beside its peers, all in one run on one machine.

    python -m benchmarks.pipeline [--only throughput,latency,workers,replay,memory] [--rounds 3] [--json FILE] [--quick]

Starts servers of its own. What is printed are medians of the rounds, in which each way has its turn; rows and completions
are counted from outside each time, and a wrong count ends the run. `--quick` is a smoke test: one round of small numbers.
"""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks import latency, memory, replay, throughput, workers
from benchmarks.report import Cells, tables
from benchmarks.servers import Bench, machine, servers
from benchmarks.ways import require_peers


@dataclass(frozen=True, slots=True)
class Scale:
    """How much of everything: events, rounds, events and megabytes a second, seconds."""

    events: int = 100_000
    rounds: int = 3
    rate: int = 500
    latency_seconds: float = 20.0
    workers_seconds: float = 10.0
    backlog: int = 1_000_000
    megabytes: float = 16.0
    input_seconds: float = 60.0


JSON = Path(".millrace/pipeline.json")
QUICK = Scale(20_000, 1, 500, 2.0, 2.0, 50_000, 16.0, 3.0)
PARTS: Mapping[str, Callable[[Bench, Scale], dict[str, Any]]] = MappingProxyType(
    {
        "throughput": lambda bench, scale: throughput.measure(bench, scale.events, scale.rounds),
        "latency": lambda bench, scale: latency.measure(bench, scale.rate, scale.latency_seconds, scale.rounds),
        "workers": lambda bench, scale: workers.measure(bench, scale.workers_seconds, scale.rounds),
        "replay": lambda bench, scale: replay.measure(bench, scale.events, scale.rounds),
        "memory": lambda bench, scale: memory.measure(bench, scale.backlog, scale.megabytes, scale.input_seconds),
    }
)


def main() -> None:
    arguments = _arguments()
    require_peers()
    # A topic just made has no leader for a moment; the client tries again, and says so for each partition.
    logging.getLogger("aiokafka").setLevel(logging.ERROR)
    console = Console()
    figures: dict[str, Any] = {"machine": machine()}
    with servers() as bench:
        for part in arguments.only:
            figures[part] = PARTS[part](bench, arguments.scale)
            arguments.json.parent.mkdir(parents=True, exist_ok=True)
            arguments.json.write_text(json.dumps(figures, indent=2) + "\n")
            for title, cells in tables({part: figures[part]}, stages=arguments.stages).items():
                console.print(_table(title, cells))
    console.print(f"{figures['machine']}; all figures: {arguments.json}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", type=_parts, default=list(PARTS), help="parts, with commas between them")
    parser.add_argument("--events", type=int, help="how many in the parts that count events")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--json", type=Path, default=JSON, help=f"all figures, of each round too (default: {JSON})")
    parser.add_argument("--quick", action="store_true", help="one round of small numbers, in a few minutes")
    parser.add_argument("--stages", action="store_true", help="a table of the time in each stage")
    arguments = parser.parse_args()
    scale = QUICK if arguments.quick else Scale()
    asked = {"events": arguments.events or scale.events, "rounds": arguments.rounds or scale.rounds}
    arguments.scale = replace(scale, **asked)
    return arguments


def _parts(names: str) -> list[str]:
    chosen = names.split(",")
    unknown = [name for name in chosen if name not in PARTS]
    if unknown:
        raise argparse.ArgumentTypeError(f"there is no {unknown[0]!r}, but {', '.join(PARTS)}")
    return chosen


def _table(title: str, cells: Cells) -> Table:
    heads, *rows = cells
    table = Table(title=title, title_justify="left")
    for place, head in enumerate(heads):
        table.add_column(head, justify="right" if place else "left")
    for row in rows:
        table.add_row(*row)
    return table


if __name__ == "__main__":
    main()
