from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

from tests.support.dockerfile import copied
from tests.support.markdown import CHECKOUT, read


def test_what_the_image_imports_is_in_the_lock_that_it_installs() -> None:
    locked = set(re.findall(r"^([\w.-]+)==", read("requirements.lock"), re.MULTILINE))
    homes = packages_distributions()
    own = {source for source in copied() if (CHECKOUT / source).is_dir()} | {"devstack"}
    foreign = {name for path in _sources() for name in _imported(path)} - set(sys.stdlib_module_names) - own
    assert "faststream" in foreign
    assert {name for name in foreign if not locked & {_canonical(home) for home in homes.get(name, [])}} == set()


def _sources() -> Iterator[Path]:
    return (path for source in copied() for path in (CHECKOUT / source).rglob("*.py"))


def _imported(path: Path) -> Iterator[str]:
    """The top-level names that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
