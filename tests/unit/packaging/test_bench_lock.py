from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

from benchmarks.ways import WAYS
from tests.support.markdown import CHECKOUT, read

# What a peer is imported as, and what it is installed as.
INSTALLED = {"arroyo": "sentry-arroyo"}
LOCK = read("requirements-bench.lock")
LOCKED = set(re.findall(r"^([\w.-]+)==", LOCK, re.MULTILINE))
GROUP = {
    re.split(r"[\[<>=]", each, maxsplit=1)[0] for each in tomllib.loads(read("pyproject.toml"))["dependency-groups"]["bench"]
}


def test_every_peer_is_locked_by_hash_and_from_no_address() -> None:
    assert GROUP <= LOCKED
    assert "://" not in LOCK
    assert all("--hash=sha256:" in block for block in re.split(r"^(?=[\w.-]+==)", LOCK, flags=re.MULTILINE)[1:])


def test_a_peer_imports_what_its_environment_has_and_nothing_of_millrace() -> None:
    peers = [CHECKOUT / (way.module.replace(".", "/") + ".py") for way in WAYS if way.is_peer]
    foreign = {name for path in (*peers, CHECKOUT / "benchmarks/peers/storing.py") for name in _imported(path)}
    assert {"arroyo", "bytewax", "quixstreams", "psycopg"} <= foreign
    assert {INSTALLED.get(name, name) for name in foreign} <= GROUP


def test_what_peers_share_with_millrace_imports_nothing_but_python() -> None:
    assert set(_imported(CHECKOUT / "benchmarks/work.py")) == set()


def _imported(path: Path) -> Iterator[str]:
    """The top-level names of other people's that a file imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
        allowed = ("benchmarks.work", "benchmarks.peers.storing")
        yield from (
            top for name in names if name not in allowed and (top := name.partition(".")[0]) not in sys.stdlib_module_names
        )
