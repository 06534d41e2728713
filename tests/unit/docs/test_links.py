from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import typer.main

from millrace.cli.app import app
from tests.support.markdown import CHECKOUT, anchors, commands, documents, links, read

DOCUMENTS = [pytest.param(path, id=str(path.relative_to(CHECKOUT))) for path in documents()]


@pytest.mark.parametrize("path", DOCUMENTS)
def test_links_lead_somewhere(path: Path) -> None:
    broken = [target for target in links(path.read_text()) if not _leads_somewhere(path, target)]
    assert broken == []


@pytest.mark.parametrize("path", DOCUMENTS)
def test_commands_in_the_docs_exist(path: Path) -> None:
    unknown = [" ".join(words) for words in commands(path.read_text()) if not _exists(words)]
    assert unknown == []


def test_the_readme_names_the_commands_of_a_newcomer() -> None:
    named = {tuple(words[:2]) for words in commands(read("README.md"))}
    assert {("make", "demo"), ("make", "test"), ("millrace", "publish")} <= named


def test_every_target_of_make_is_told_to_contributors() -> None:
    named = {words[1] for words in commands(read("CONTRIBUTING.md")) if words[0] == "make"}
    assert named == _targets() - {"help"}


def _leads_somewhere(path: Path, target: str) -> bool:
    name, _, anchor = target.partition("#")
    place = path.parent / name if name else path
    return place.exists() and (not anchor or anchor in anchors(place.read_text()))


def _exists(words: list[str]) -> bool:
    if words[0] == "make":
        return words[1] in _targets()
    command: Any = typer.main.get_command(app)
    for word in words[1:]:
        if word.startswith("-"):
            if word not in {name for parameter in command.params for name in parameter.opts}:
                return False
        elif hasattr(command, "commands"):
            command = command.get_command(None, word)
            if command is None:
                return False
    return True


def _targets() -> set[str]:
    phony = re.search(r"^\.PHONY: (.+)$", read("Makefile"), re.MULTILINE)
    assert phony
    return set(phony[1].split())
