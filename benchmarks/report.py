"""The figures of a run as tables: for the terminal, and in Markdown for README and docs/performance.md.

python -m benchmarks.report FILE.json [--stages]
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from benchmarks.ways import MILLRACE, TITLES

# Rows of cells, the first of them the heads of the columns.
Cells = list[list[str]]


def tables(figures: Mapping[str, Any], *, stages: bool = False) -> dict[str, Cells]:
    """Each part that was measured, by its title."""
    made = {}
    for part, told in TABLES.items():
        if part in figures:
            title, cells = told(figures[part])
            made[title] = cells
    if stages and "throughput" in figures:
        title, cells = _stages(figures["throughput"])
        made[title] = cells
    return made


def _rounds(part: Mapping[str, Any]) -> str:
    number = len(part["rounds"])
    return f"medians of {number} rounds" if number > 1 else "one round"


def _throughput(part: Mapping[str, Any]) -> tuple[str, Cells]:
    cells = [["", "events/s", "CPU of the worker, µs an event", "worker's peak memory", "Millrace does so many times as many"]]
    for name, row in part["median"].items():
        times = f"{row['millrace_times']:,.1f}" if "millrace_times" in row else ""
        cells.append([TITLES[name], f"{row['per_second']:,.0f}", f"{row['cpu_us']:,.0f}", _mb(row), times])
    return f"{part['events']:,} events of about 250 bytes, one worker, {_rounds(part)}", cells


def _stages(part: Mapping[str, Any]) -> tuple[str, Cells]:
    row = part["median"][MILLRACE.name]
    cells = [["stage", "µs an event"]]
    cells += [[name, f"{spent:,.1f}"] for name, spent in row["stages_us"].items()]
    return "Time of Millrace's stages, waiting included; they overlap", cells


def _latency(part: Mapping[str, Any]) -> tuple[str, Cells]:
    cells = [["", "p50, ms", "p99, ms", "completions before their rows", "fdatasync p50 / p99, ms"]]
    for name, row in part["median"].items():
        disk, early = row["fdatasync"], f"{row['before_rows']:,.0f} of {row['samples']:,.0f}"
        synced = f"{disk['p50_ms']:,.1f} / {disk['p99_ms']:,.1f}"
        cells.append([TITLES[name], f"{row['p50_ms']:,.1f}", f"{row['p99_ms']:,.1f}", early, synced])
    return f"Event produced to completion readable, {part['rate']:,} events/s for {part['seconds']:g} s, {_rounds(part)}", cells


def _workers(part: Mapping[str, Any]) -> tuple[str, Cells]:
    cells = [["workers", "events/s", "ratio to one"]]
    cells += [[name, f"{row['per_second']:,.0f}", f"{row['ratio']:.2f}"] for name, row in part["median"].items()]
    return f"A flow that waits for 50 ms, at most {part['most']:,.0f} events/s a worker, {_rounds(part)}", cells


def _replay(part: Mapping[str, Any]) -> tuple[str, Cells]:
    cells = [["known from", "events/s skipped", "CPU of the worker, µs an event"]]
    for name, source in (("marked", "Redis"), ("forgotten", "the inbox, Redis emptied")):
        row = part["median"][name]
        cells.append([source, f"{row['per_second']:,.0f}", f"{row['cpu_us']:,.0f}"])
    return f"{part['events']:,} events that are done already, one worker, {_rounds(part)}", cells


def _memory(part: Mapping[str, Any]) -> tuple[str, Cells]:
    backlog, poured = part["backlog"], part["input"]
    told = f"{poured['mb_per_second']:.1f} MB/s for {poured['seconds']:.0f} s, half in events of 4 KB, half of 200 KB"
    cells = [["", "worker's peak memory"], [f"a backlog of {backlog['events']:,} events", _mb(backlog)], [told, _mb(poured)]]
    return "Memory of one worker", cells


def _mb(row: Mapping[str, Any]) -> str:
    return f"{row['peak_mb']:,.0f} MB"


TABLES: Mapping[str, Callable[[Mapping[str, Any]], tuple[str, Cells]]] = MappingProxyType(
    {"throughput": _throughput, "latency": _latency, "workers": _workers, "replay": _replay, "memory": _memory}
)


def markdown(cells: Cells) -> str:
    """A table of Markdown."""
    heads, *rows = ("| " + " | ".join(row) + " |" for row in cells)
    return "\n".join([heads, "|---" * len(cells[0]) + "|", *rows])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--stages", action="store_true")
    arguments = parser.parse_args()
    figures = json.loads(arguments.file.read_text())
    for title, cells in tables(figures, stages=arguments.stages).items():
        print(f"{title}:\n\n{markdown(cells)}\n")
    print(figures["machine"])


if __name__ == "__main__":
    main()
