"""What is printed is what there is, whatever it looks like to the library that prints it."""

from __future__ import annotations

import pytest

from millrace.cli.output import data, note

TEXT = "root:x:0:0 :warning: breached [bold]"


def test_a_text_is_printed_as_it_stands(capsys: pytest.CaptureFixture[str]) -> None:
    data.cache_clear()
    data().print(TEXT, markup=False)
    assert capsys.readouterr().out.strip() == TEXT
    note("0:x:0 :warning:")
    assert "⚠" not in capsys.readouterr().err
