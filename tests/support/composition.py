"""docker-compose.yml as Compose reads it where nothing is set: with the defaults of its variables."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Any

import yaml

from tests.support.markdown import CHECKOUT, read

FILE = CHECKOUT / "docker-compose.yml"
SCHEMA = "vendor.compose-spec"

_variable = re.compile(r"\$\{(\w+)(?::-([^}]*))?\}")


def composition() -> dict[str, Any]:
    """The whole file."""
    read_in: dict[str, Any] = yaml.safe_load(_variable.sub(lambda found: found[2] or "", read(FILE.name)))
    return read_in


def variables() -> dict[str, str | None]:
    """The variables that the file takes from its surroundings, and the default of each."""
    return dict(_variable.findall(read(FILE.name)))


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
