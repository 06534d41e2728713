from __future__ import annotations

import json
from typing import Any


def test_the_demonstration_runs_twice_in_a_row_and_everything_is_as_expected(millrace: Any) -> None:
    first = millrace("demo")
    assert first.returncode == 0, first.stdout + first.stderr
    assert "expectations of examples/expected.json hold" in first.stdout
    for part in ("Totals in USD", "UNKNOWN_PRODUCT", "recognised", "payload_conflict", "garbage", "from event to completion"):
        assert part in first.stdout

    again = millrace("demo", "--json")
    assert again.returncode == 0, again.stderr
    said = json.loads(again.stdout)
    assert said["ok"]
    assert all(check["holds"] for check in said["checks"])
    assert said["scenes"]["book"]["positions"] == 314


def test_the_demonstration_fails_when_something_is_not_as_expected(millrace: Any, tmp_path: Any) -> None:
    result = millrace("demo", RUN_SLICE_CELLS="100")
    assert result.returncode == 1
    assert "book: status should be 'partial', is 'failed'" in result.stdout
    assert "too_large" in result.stdout
