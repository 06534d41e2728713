"""What the console script does before any command."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

SHOWN = """
import os, sys
import millrace.cli.app as command_line
assert "numpy" not in sys.modules, "it would have read its settings already"
command_line.app = lambda **_: print(os.environ["OPENBLAS_NUM_THREADS"])
command_line.main()
"""


@pytest.mark.parametrize(("told", "threads"), [(None, "1"), ("4", "4")])
def test_products_of_matrices_take_one_core_unless_told_otherwise(told: str | None, threads: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}
    if told is not None:
        environment["OPENBLAS_NUM_THREADS"] = told
    done = subprocess.run([sys.executable, "-c", SHOWN], env=environment, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == threads, done.stderr
