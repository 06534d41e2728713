"""Writes docs/configuration.md and .env.example from the settings: `python -m millrace.configuration [--check]`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any, get_args

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from millrace.environment import bounds, plain_number
from millrace.settings import Settings, secret_names

CHECKOUT = Path(__file__).resolve().parents[1]

INTRODUCTION = """\
# Configuration

Written from `millrace/settings.py` by `python -m millrace.configuration`; a test fails when it is stale.

Settings come from the environment, then from a file `.env` in the working directory (`.env.example` has all of them).
An empty value counts as not set. A wrong one ends the command at once, with one line that names it and exit code 2.
Secrets, marked (secret), are never shown or logged, and can come as `NAME_FILE` too: the path of a file that holds the value.

Where none of `DATABASE_URL`, `REDIS_URL` and `KAFKA_BOOTSTRAP_SERVERS` is set, commands use the local servers, if they
run (`millrace stack start`) and `ENVIRONMENT` is `development` or `test`. There is nothing to export to try Millrace.
"""

SECTIONS = {
    "Servers": "A server that a command needs and that is neither set nor run by the local stack ends it with exit code 5.",
    "OpenAI": "For documents and audits; runs ask nobody. A model of which no price is known needs its prices here.",
    "Documents": "",
    "Audits": "",
    "Process": "",
    "Lane": "A lane is one flow in one worker. These bound its memory and shape its transactions.",
    "Failure limits": "A lane that reaches one stops for all workers, until `millrace lane resume`.",
    "Health": "When `/health` turns red, so that an orchestrator starts the worker anew.",
    "Consumer": "How a lane takes records from Kafka.",
    "Retries": "What happens to an event whose failure may pass.",
    "Replay": "",
    "Storage": "",
    "Topics": "What `millrace topics ensure` sees to.",
}


def documentation() -> str:
    """The text of docs/configuration.md."""
    parts = [INTRODUCTION]
    for section, names in _sections():
        parts += [f"## {section}\n"] + ([f"{SECTIONS[section]}\n"] if SECTIONS[section] else [])
        parts.append("| setting | default | unit or form | bounds | what it is |\n|---|---|---|---|---|")
        parts.append("".join(_row(name) for name in names))
    return "\n".join(parts).rstrip() + "\n"


def example() -> str:
    """The text of .env.example: every setting, commented out, with its default."""
    lines = ["# Copy to .env and set what differs; docs/configuration.md tells of bounds and NAME_FILE."]
    for section, names in _sections():
        lines += ["", f"# {section}"]
        for name in names:
            field = Settings.model_fields[name]
            unit = _extra(field).get("unit")
            lines.append(f"# {field.description}" + (f" ({unit})" if unit else ""))
            lines.append(f"#{name.upper()}={_default(field)}")
    return "\n".join(lines) + "\n"


def outputs() -> dict[Path, str]:
    """What is to be in which file."""
    return {CHECKOUT / "docs" / "configuration.md": documentation(), CHECKOUT / ".env.example": example()}


def main() -> int:
    """Writes the files; with --check only names those that are stale, and fails."""
    stale = [path for path, text in outputs().items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    for path in stale:
        sys.stderr.write(f"{path.relative_to(CHECKOUT)} is stale\n" if "--check" in sys.argv else f"wrote {path}\n")
        if "--check" not in sys.argv:
            path.parent.mkdir(exist_ok=True)
            path.write_text(outputs()[path], encoding="utf-8")
    return 1 if stale and "--check" in sys.argv else 0


def _sections() -> Iterator[tuple[str, list[str]]]:
    fields = Settings.model_fields
    for section, names in groupby(fields, key=lambda name: str(_extra(fields[name])["section"])):
        yield section, list(names)


def _row(name: str) -> str:
    field = Settings.model_fields[name]
    limits = bounds(field)
    shown = f"{plain_number(limits[0])} to {plain_number(limits[1])}" if limits else ""
    lock = " (secret)" if name in secret_names() else ""
    default = f"`{_default(field)}`" if _default(field) else "not set"
    return f"| `{name.upper()}`{lock} | {default} | {_form(field)} | {shown} | {field.description} |\n"


def _form(field: FieldInfo) -> str:
    unit = _extra(field).get("unit")
    choices = [choice for choice in get_args(field.annotation) if isinstance(choice, str)]
    return str(unit) if unit else ", ".join(f"`{choice}`" for choice in choices)


def _default(field: FieldInfo) -> str:
    default = field.default
    if default is None or isinstance(default, SecretStr):
        return ""
    return plain_number(default) if isinstance(default, int | float) else str(default)


def _extra(field: FieldInfo) -> dict[str, Any]:
    return field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}


if __name__ == "__main__":
    sys.exit(main())
