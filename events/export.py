"""`python -m events.export [--check]`: writes the JSON Schema of every event, or says which of them are stale."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any, Final

import orjson

from events.envelope import Envelope
from events.topics import TOPICS, Topic

SCHEMAS: Final = Path(__file__).parent / "schemas"

_OPTIONS = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE


def schema(topic: Topic) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a topic's events: the whole envelope, with the data."""
    document = Envelope[topic.model].model_json_schema()  # type: ignore[name-defined]
    document["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    document["title"] = topic.event_type
    document["description"] = f"An event of the topic {topic.name}, whose Kafka key is the {topic.key}."
    document["properties"]["type"] = {"const": topic.event_type}
    return document


def files() -> dict[str, bytes]:
    """Every schema file as it should be, by name."""
    return {f"{topic.event_type}.json": orjson.dumps(schema(topic), option=_OPTIONS) for topic in TOPICS}


def stale(folder: Path = SCHEMAS) -> list[str]:
    """Names of the files in `folder` that are missing, differ from what the models say, or belong to no event."""
    wanted = files()
    found = {path.name: path.read_bytes() for path in folder.glob("*.json")}
    return sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))


def write(folder: Path = SCHEMAS) -> list[str]:
    """Makes `folder` hold exactly `files()`; the names of those that changed."""
    folder.mkdir(exist_ok=True)
    wanted, changed = files(), stale(folder)
    for name in changed:
        if name in wanted:
            (folder / name).write_bytes(wanted[name])
        else:
            (folder / name).unlink()
    return changed


def main(arguments: list[str] | None = None) -> int:
    """0 when the schemas are (now) fresh; with `--check`, 1 when some are stale, which are named on stdout."""
    parser = argparse.ArgumentParser(prog="python -m events.export", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a schema is stale")
    check = parser.parse_args(arguments).check
    names = stale() if check else write()
    for name in names:
        sys.stdout.write(f"{'stale' if check else 'written'}: {name}\n")
    return 1 if check and names else 0


if __name__ == "__main__":
    sys.exit(main())
