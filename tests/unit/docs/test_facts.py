from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import get_args

import pytest
from prometheus_client.metrics import MetricWrapperBase

from events.event import Event, decode
from events.failures import Reason
from events.identity import completion_id, input_sha256
from events.run import RunCompleted, RunFailureCode
from events.topics import TOPICS, models_of
from handlers.llm import metrics as llm_metrics
from handlers.price.engine import price_run
from handlers.price.portfolio import Portfolio
from streams import lane, metrics
from tests.support.markdown import CHECKOUT, fenced, first_cells, read, section

LOGGERS = ("storage", "handlers", "streams", "ops", "millrace")
LOGGING = re.compile(r"\blog\.(?:debug|info|warning|error|exception|critical)\(\s*\"([a-z_]+)\"")


@pytest.fixture
def example() -> Event:
    """The event in the README."""
    event = json.loads(fenced(read("README.md"))[0])
    return decode(json.dumps(event).encode(), "runs", models_of("runs"))


def test_the_steps_in_the_readme_are_those_of_the_lane() -> None:
    steps = re.findall(r"^(\w+) {2,}\S", lane.__doc__ or "", re.MULTILINE)
    assert first_cells(section(read("README.md"), "The way of an event")) == steps
    assert re.findall(r"^### (.+)$", read("docs/architecture.md"), re.MULTILINE) == [
        "intake", "decode", "dedupe", "claim", "load, work", "save", "publish", "settle",
    ]  # fmt: skip


def test_the_completion_in_the_docs_answers_the_event_in_the_readme(example: Event) -> None:
    told = json.loads(fenced(section(read("docs/events.md"), "run.completed.v1"))[0])
    data = RunCompleted.model_validate(told["data"])
    run = example.data
    priced = price_run(
        Portfolio.from_records(run.portfolio.positions),
        run.market.snapshot,
        run.scenarios,
        run.measures,
        run.valuation_date,
        run.reporting_currency,
    )
    assert told["id"] == str(completion_id("runs", example.source, example.id, 0, told["type"]))
    assert (told["causationid"], told["clientid"], data.run_id) == (example.id, example.client_id, run.run_id)
    assert data.input_sha256 == input_sha256(example.client_id, example.data_sha256 or b"").hex()
    assert (data.positions, data.errors) == (priced.positions, priced.errors)
    assert data.totals == {measure: pytest.approx(totals, rel=1e-12) for measure, totals in priced.totals.items()}


def test_the_topics_in_the_docs_are_all_there_are() -> None:
    table = section(read("docs/events.md"), "Topics")
    assert first_cells(table) == [topic.name for topic in TOPICS]
    for topic in TOPICS:
        assert f"| `{topic.name}` | `{topic.event_type}` | {topic.key} |" in table


def test_every_failure_code_of_a_run_and_every_reason_is_told() -> None:
    text = read("docs/events.md")
    assert set(get_args(RunFailureCode)) <= set(first_cells(section(text, "run.completed.v1")))
    assert set(first_cells(section(text, "Rejections"))) == set(Reason) - {Reason.INTERNAL}


def test_the_metrics_in_the_docs_are_all_there_are() -> None:
    values = [value for module in (metrics, llm_metrics) for value in vars(module).values()]
    families = [next(iter(each.describe())) for each in values if isinstance(each, MetricWrapperBase)]
    names = {family.name + ("_total" if family.type == "counter" else "") for family in families}
    assert set(first_cells(section(read("docs/operations.md"), "Metrics"))) == names


def test_the_log_events_in_the_docs_are_all_there_are() -> None:
    sources = [path.read_text() for package in LOGGERS for path in _sources(package)]
    logged = {name for source in sources for name in LOGGING.findall(source)}
    assert set(first_cells(section(read("docs/operations.md"), "Logs"))) == logged


def test_every_dependency_has_its_reason_and_no_other_is_named() -> None:
    project = tomllib.loads(read("pyproject.toml"))
    groups = project["dependency-groups"]
    text = read("docs/dependencies.md")
    assert first_cells(section(text, "Runtime")) == sorted(map(_name, project["project"]["dependencies"]))
    others = [each for each in (*groups["devstack"], *groups["dev"]) if isinstance(each, str)]
    assert set(first_cells(section(text, "Development"))) == set(map(_name, others))
    assert first_cells(section(text, "Benchmarks")) == sorted(map(_name, groups["bench"]))


def _sources(package: str) -> list[Path]:
    return list((CHECKOUT / package).rglob("*.py"))


def _name(requirement: str) -> str:
    return re.split(r"[\[<>=!~ ]", requirement, maxsplit=1)[0]
