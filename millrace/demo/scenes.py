"""What the demonstration sends, and what `examples/expected.json` expects of it."""

from __future__ import annotations

from typing import Any

import orjson

from millrace.demo.paper_scenes import audit_scene, document_scenes
from millrace.demo.run_scenes import run_scenes
from millrace.demo.scene import Scene
from millrace.examples import FOLDER


def scenes(client: str) -> list[Scene]:
    """All scenes, with fresh ids, in the order in which they are sent."""
    runs, documents = run_scenes(client), document_scenes(client)
    return [*runs, *documents, audit_scene(client, documents, runs[-1])]


def expected(*, by_stand_in: bool) -> dict[str, dict[str, Any]]:
    """What is to come of each scene, by its name: what holds of any model, and more when the stand-in answers for OpenAI."""
    file = orjson.loads((FOLDER / "expected.json").read_bytes())
    more = file["of_the_stand_in"] if by_stand_in else {}
    return {name: said | more.get(name, {}) for name, said in file["scenes"].items()}
