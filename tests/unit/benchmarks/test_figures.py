from __future__ import annotations

from typing import Any

import pytest

from benchmarks.figures import medians, per_event, percentiles
from benchmarks.report import markdown, tables
from benchmarks.ways import WAYS


def test_a_percentile_is_one_of_what_was_timed() -> None:
    told = percentiles([number / 1000 for number in range(100, -1, -1)])
    assert told == pytest.approx({"p50_ms": 50.0, "p99_ms": 99.0, "max_ms": 100.0, "n": 101})


def test_nothing_timed_has_no_percentiles() -> None:
    assert percentiles([]) == {"n": 0}


def test_medians_have_the_shape_of_a_round() -> None:
    rounds: list[dict[str, Any]] = [{"way": {"rate": rate, "name": "x"}, "n": rate} for rate in (30, 10, 20)]
    assert medians(rounds) == {"way": {"rate": 20, "name": "x"}, "n": 20}


def test_figures_of_an_event_are_shares_of_the_whole() -> None:
    told = per_event({"wall_s": 2.0, "cpu_s": 0.5, "peak_mb": 9.0, "stages_s": {"save": 0.1}}, 1000)
    assert (told["per_second"], told["cpu_us"], told["stages_us"]) == (500.0, 500.0, {"save": pytest.approx(100.0)})


def test_every_part_has_its_table() -> None:
    way = {"per_second": 1234.5, "cpu_us": 20.4, "peak_mb": 99.9, "stages_us": {"save": 3.0}}
    late = {"p50_ms": 3.0, "p99_ms": 9.0, "before_rows": 0, "samples": 7, "fdatasync": {"p50_ms": 1.0, "p99_ms": 2.0}}
    figures: dict[str, Any] = {
        "throughput": {"events": 10, "rounds": [1, 2, 3], "median": {each.name: way for each in WAYS}},
        "latency": {"rate": 500, "seconds": 20.0, "rounds": [1], "median": {"millrace": late}},
        "workers": {"most": 320, "rounds": [1], "median": {"2": {"per_second": 600.0, "ratio": 1.98}}},
        "replay": {"events": 10, "rounds": [1], "median": {"marked": way, "forgotten": way}},
        "memory": {"backlog": way | {"events": 10}, "input": way | {"mb_per_second": 16.0, "seconds": 60.0}},
    }
    told = {title: markdown(cells) for title, cells in tables(figures, stages=True).items()}
    assert len(told) == 6
    assert "| Millrace | 1,234 | 20 | 100 MB |  |" in told["10 events of about 250 bytes, one worker, medians of 3 rounds"]
    assert "| 2 | 600 | 1.98 |" in "\n".join(told.values())
    assert all(len({line.count("|") for line in text.splitlines()}) == 1 for text in told.values())
