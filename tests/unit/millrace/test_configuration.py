from __future__ import annotations

import pytest

from millrace.configuration import example, main, outputs
from millrace.settings import Settings


def test_the_generated_files_are_fresh() -> None:
    for path, text in outputs().items():
        assert path.read_text(encoding="utf-8") == text, f"stale: python -m millrace.configuration writes {path.name}"


def test_every_setting_is_in_the_table_and_in_the_example() -> None:
    for text in outputs().values():
        for name in Settings.model_fields:
            assert name.upper() in text


def test_the_example_sets_nothing() -> None:
    assert all(line.startswith("#") for line in example().splitlines() if line)


def test_the_check_fails_on_a_stale_file(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["configuration", "--check"])
    assert main() == 0
    stale = {path: text + "changed" for path, text in outputs().items()}
    monkeypatch.setattr("millrace.configuration.outputs", lambda: stale)
    assert main() == 1
    assert ".env.example is stale" in capsys.readouterr().err
