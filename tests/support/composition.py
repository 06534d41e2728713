"""docker-compose.yml as Compose reads it."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import yaml

from tests.support.markdown import CHECKOUT, read

FILE = CHECKOUT / "docker-compose.yml"
SCHEMA = "vendor.compose-spec"

# The innermost ones, which hold no others: ${NAME}, ${NAME:-where it is not set}, ${NAME:+where it is}.
_variable = re.compile(r"\$\{(\w+)(?::([-+])([^${}]*))?\}")


def composition(**surroundings: str) -> dict[str, Any]:
    """The whole file, with the defaults of all variables but those of the surroundings."""
    text = read(FILE.name)
    while (replaced := _variable.sub(lambda found: _value(found, surroundings), text)) != text:
        text = replaced
    read_in: dict[str, Any] = yaml.safe_load(text)
    return read_in


def variables() -> set[str]:
    """The variables that the file takes from its surroundings."""
    return set(re.findall(r"\$\{(\w+)", read(FILE.name)))


def _value(found: re.Match[str], surroundings: Mapping[str, str]) -> str:
    name, sign, other = found.groups(default="")
    value = surroundings.get(name, "")
    return (value and other) if sign == "+" else (value or other)


def image(service: str) -> str:
    """The image of a service."""
    name: str = composition()["services"][service]["image"]
    return name


def complaints() -> str:
    """What the schema of the Compose specification has against the file, and Compose itself where it is installed."""
    commands = [[sys.executable, "-m", "check_jsonschema", "--builtin-schema", SCHEMA, str(FILE)]]
    if _runs("docker", "compose", "version"):
        commands.append(["docker", "compose", "--file", str(FILE), "--profile", "demo", "config", "--quiet"])
    ended = [subprocess.run(command, capture_output=True, text=True, check=False) for command in commands]
    return "".join(each.stdout + each.stderr for each in ended if each.returncode)


def _runs(*command: str) -> bool:
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False
