"""The Dockerfile, taken apart as far as tests need it."""

from __future__ import annotations

import io
import json
import shlex
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from docker.utils.build import exclude_paths
from dockerfile_parse import DockerfileParser

from tests.support.markdown import CHECKOUT


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction, its continued lines joined."""

    name: str
    value: str

    def words(self) -> list[str]:
        """The words of the exec form, or of a line of shell."""
        words: list[str] = json.loads(self.value) if self.value.startswith("[") else shlex.split(self.value)
        return words


def stages() -> list[list[Instruction]]:
    """The instructions of each stage, its FROM first; what stands before the first FROM is left out."""
    parsed = DockerfileParser(fileobj=io.BytesIO((CHECKOUT / "Dockerfile").read_bytes())).structure
    found = [Instruction(each["instruction"], each["value"]) for each in parsed if each["instruction"] != "COMMENT"]
    begins = [place for place, each in enumerate(found) if each.name == "FROM"]
    return [found[begin:end] for begin, end in pairwise([*begins, len(found)])]


def named(instructions: list[Instruction], name: str) -> list[Instruction]:
    """The instructions of one name."""
    return [each for each in instructions if each.name == name]


def copied() -> dict[str, str]:
    """What is copied from the checkout: each source, and where it lies in the application's folder."""
    found: dict[str, str] = {}
    for each in named([instruction for stage in stages() for instruction in stage], "COPY"):
        *sources, target = each.words()
        if not sources[0].startswith("--from"):
            found |= {source: target if len(sources) == 1 else source for source in sources}
    return found


def context() -> list[Path]:
    """The files that .dockerignore lets through to a build, but the two that tell how to build; relative to the checkout."""
    patterns = [line for line in (CHECKOUT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    sent = exclude_paths(str(CHECKOUT), patterns) - {"Dockerfile", ".dockerignore"}
    return sorted(Path(name) for name in sent if (CHECKOUT / name).is_file())


def defaults(stage: list[Instruction]) -> dict[str, str]:
    """The environment that a stage sets."""
    return dict(word.split("=", 1) for each in named(stage, "ENV") for word in each.words())  # type: ignore[misc]
