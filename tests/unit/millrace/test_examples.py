from __future__ import annotations

import orjson
import pytest

from events.event import decode
from events.run import RunRequested
from events.topics import models_of
from handlers.price.portfolio import Portfolio
from millrace.examples import FOLDER, fresh
from millrace.failures import Refused


def test_the_example_is_a_valid_event_with_fresh_ids() -> None:
    first, second = (fresh("run.requested.v1", "acme") for _ in range(2))
    event = decode(orjson.dumps(first), "runs", models_of("runs"))
    assert isinstance(event.data, RunRequested)
    assert event.client_id == "acme"
    assert event.subject == event.data.run_id
    assert first["id"] != second["id"]
    assert first["data"]["run_id"] != second["data"]["run_id"]


def test_a_type_without_an_example_is_refused_and_those_with_one_are_named() -> None:
    with pytest.raises(Refused, match=r"no example of type 'run\.done\.v1'") as caught:
        fresh("run.done.v1", "acme")
    assert "run.requested.v1" in caught.value.advice


def test_the_positions_of_the_example_are_all_valid() -> None:
    positions = fresh("run.requested.v1", "acme")["data"]["portfolio"]["positions"]
    assert Portfolio.from_records(positions).faults == {}


def test_the_files_are_what_the_script_makes_of_them() -> None:
    namespace: dict[str, object] = {"__name__": "make_book", "__file__": str(FOLDER / "make_book.py")}
    exec(compile((FOLDER / "make_book.py").read_text(), "make_book.py", "exec"), namespace)
    assert orjson.loads((FOLDER / "markets" / "evening.json").read_bytes()) == namespace["market"]()  # type: ignore[operator]
    assert orjson.loads((FOLDER / "scenarios.json").read_bytes()) == namespace["scenarios"]()  # type: ignore[operator]
    assert "Illustrative" in (FOLDER / "markets" / "evening.json").read_text()
