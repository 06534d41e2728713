"""Settings as an empty machine has them."""

from __future__ import annotations

from pathlib import Path

import pytest

from millrace.settings import Settings


@pytest.fixture
def no_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """None of the settings is in the environment, and the working directory, which is returned, has no `.env`."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
        monkeypatch.delenv(f"{name.upper()}_FILE", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path
