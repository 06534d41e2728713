from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from events.export import files, main, stale, write


def test_the_exported_schemas_are_fresh() -> None:
    assert stale() == [], "run: python -m events.export"


def test_writing_mends_what_is_stale_and_removes_what_belongs_to_no_event(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "run.requested.v1.json").write_text("{}\n")
    (tmp_path / "gone.v1.json").write_text("{}\n")
    (tmp_path / "run.completed.v1.json").unlink()
    assert stale(tmp_path) == ["gone.v1.json", "run.completed.v1.json", "run.requested.v1.json"]
    assert write(tmp_path) == ["gone.v1.json", "run.completed.v1.json", "run.requested.v1.json"]
    assert stale(tmp_path) == []


def test_check_writes_nothing_and_names_what_is_stale(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("events.export.stale", lambda: ["run.requested.v1.json"])
    assert main(["--check"]) == 1
    assert capsys.readouterr().out == "stale: run.requested.v1.json\n"


def test_each_schema_holds_the_whole_envelope_of_one_type() -> None:
    schema: dict[str, Any] = json.loads(files()["run.requested.v1.json"])
    assert schema["properties"]["type"] == {"const": "run.requested.v1"}
    assert set(schema["required"]) == {"id", "source", "type", "clientid", "data"}
    required = schema["$defs"]["RunRequested"]["required"]
    assert set(required) == {"run_id", "valuation_date", "portfolio", "market", "measures"}


def test_schemas_end_with_a_newline() -> None:
    assert all(text.endswith(b"}\n") for text in files().values())
