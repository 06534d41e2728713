from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from millrace.cli.app import COMMANDS

# What takes longer to import than a command line may take to say what it can do.
HEAVY = {
    "numpy", "scipy", "pandas", "pyarrow", "sqlalchemy", "asyncpg", "redis", "obstore", "aiokafka", "faststream", "fastapi",
    "uvicorn", "openai", "structlog", "sentry_sdk", "prometheus_client", "pydantic_settings", "orjson", "rich", "handlers",
    "storage", "streams", "ops", "events", "devstack",
}  # fmt: skip
# Asks every command, however deep, for its help in one process, and says after each what has been imported by then.
ASK_ALL = """
import contextlib, io, json, sys
import typer.main
from millrace.cli.app import app

def paths(command, path):
    yield path
    for name in command.list_commands(None) if hasattr(command, "list_commands") else ():
        yield from paths(command.get_command(None, name), [*path, name])

def loaded():
    return sorted({name.partition(".")[0] for name in sys.modules})

millrace, told = typer.main.get_command(app), []
for path in paths(millrace, []):
    with contextlib.redirect_stdout(io.StringIO()) as said, contextlib.suppress(SystemExit):
        millrace.main([*path, "--help"], prog_name="millrace")
    commands = [name for name in sys.modules if name.startswith("millrace.cli.")]
    told.append((path, said.getvalue().startswith("Usage: millrace"), loaded(), commands))
print(json.dumps(told))
"""


def test_no_help_loads_anything_heavy_and_the_first_no_command_at_all(bare: Any) -> None:
    asked = subprocess.run([sys.executable, "-c", ASK_ALL], env=bare.all({}), capture_output=True, text=True, check=True)
    told = json.loads(asked.stdout)
    assert len(told) > 2 * len(COMMANDS)
    for path, has_said_so, loaded, _ in told:
        assert has_said_so, path
        assert HEAVY & set(loaded) == set(), path
    (_, _, loaded, commands), *_ = told
    assert set(commands) == {"millrace.cli.app", "millrace.cli.output"}
    assert {"pydantic", "asyncio"} & set(loaded) == set()


def test_help_names_every_command_and_the_exit_codes(bare: Any) -> None:
    result = bare("--help")
    assert result.returncode == 0
    for name in (*COMMANDS, *COMMANDS.values(), "Exit codes"):
        assert name in result.stdout
    assert "..." not in result.stdout.split("Commands:")[1]


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["results", "run", "no-uuid"],
        ["results", "document", "no-uuid"],
        ["results", "audit", "no-uuid"],
        ["publish", "/no/such/file"],
        ["worker", "-x"],
    ],
)
def test_wrong_usage_is_exit_code_2_on_stderr(bare: Any, arguments: list[str]) -> None:
    result = bare(*arguments)
    assert (result.returncode, result.stdout) == (2, "")
    assert "Traceback" not in result.stderr


def test_a_wrong_setting_is_one_line_and_exit_code_2(bare: Any) -> None:
    result = bare("worker", HTTP_PORT="abc")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == "millrace: HTTP_PORT: must be between 1 and 65535, got 'abc'\n"


def test_an_unknown_flow_is_named(bare: Any) -> None:
    everything = {
        "DATABASE_URL": "postgresql://u:p@127.0.0.1:1/x", "REDIS_URL": "redis://127.0.0.1:1",
        "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1", "OBJECT_STORE_URL": "file:///tmp",
    }  # fmt: skip
    result = bare("worker", "--flows", "runs,nonsense", **everything)
    assert result.returncode == 2
    assert "there is no flow 'nonsense'" in result.stderr


@pytest.mark.parametrize("command", ["list", "retry"])
def test_letters_of_a_flow_that_there_is_not_are_a_mistake_and_not_none(bare: Any, command: str) -> None:
    result = bare("dlq", command, "--flow", "nonsense")
    assert result.returncode == 2
    assert "there is no flow 'nonsense', but runs, slices, documents, audits" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "environment", "server"),
    [
        (
            ["dlq", "list"],
            {"DATABASE_URL": "postgresql://u:hunter2@127.0.0.1:1/x"},
            "PostgreSQL at postgresql://u:***@127.0.0.1:1/x",
        ),
        (
            ["migrate"],
            {"DATABASE_URL": "postgresql://u:hunter2@127.0.0.1:1/x"},
            "PostgreSQL at postgresql://u:***@127.0.0.1:1/x",
        ),
        (
            ["results", "document", "00000000-0000-0000-0000-000000000000"],
            {"DATABASE_URL": "postgresql://u:hunter2@127.0.0.1:1/x"},
            "PostgreSQL at postgresql://u:***@127.0.0.1:1/x",
        ),
        (
            ["lag"],
            {"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1", "DATABASE_URL": "postgresql://u:hunter2@127.0.0.1:1/x"},
            "Kafka at 127.0.0.1:1",
        ),
        (["watch"], {"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"}, "Kafka at 127.0.0.1:1"),
        (["topics", "ensure"], {"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"}, "Kafka at 127.0.0.1:1"),
    ],
)
def test_a_server_that_is_away_is_exit_code_5_and_a_line_that_names_it_and_what_to_do(
    bare: Any, arguments: list[str], environment: dict[str, str], server: str
) -> None:
    result = bare(*arguments, **environment)
    assert (result.returncode, result.stdout) == (5, "")
    first, advice = result.stderr.splitlines()
    assert first.startswith(f"millrace: {server} does not answer")
    assert "millrace stack start" in advice
    assert "hunter2" not in result.stderr


def test_without_any_server_the_advice_is_to_start_some(bare: Any) -> None:
    result = bare("dlq", "list")
    assert result.returncode == 5
    assert "DATABASE_URL: is not set, and no local servers run" in result.stderr


def test_an_example_is_one_line_that_publish_takes(bare: Any) -> None:
    result = bare("example", "run.requested.v1", "--client", "acme")
    assert result.returncode == 0
    event = json.loads(result.stdout)
    assert (event["type"], event["clientid"]) == ("run.requested.v1", "acme")
    assert result.stdout.count("\n") == 1


def test_a_type_without_an_example_is_refused(bare: Any) -> None:
    result = bare("example", "run.completed.v1")
    assert result.returncode == 4
    assert "run.requested.v1" in result.stderr


def test_a_bad_file_is_refused_with_line_and_field_and_nothing_is_asked_of_any_server(bare: Any) -> None:
    good = bare("example", "run.requested.v1").stdout
    bad = good.replace('"run_id":"', '"run_id":"not-a-')
    result = bare("publish", "-", text=f"{good}\n{bad}nonsense\n", KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:1")
    assert (result.returncode, result.stdout) == (4, "")
    lines = result.stderr.splitlines()
    assert lines[0].startswith("line 3: data.run_id:")
    assert lines[1].startswith("line 4: not JSON")
    assert lines[2] == "millrace: 2 lines are not valid events; nothing was sent"


def test_many_complaints_are_cut_short_for_people_and_complete_for_programs(bare: Any) -> None:
    text = "nonsense\n" * 100
    assert "and 80 more lines" in bare("publish", "-", text=text).stderr
    result = bare("publish", "-", "--json", text=text)
    assert result.returncode == 4
    said = json.loads(result.stdout)
    assert (said["sent"], len(said["errors"])) == (0, 100)


def test_an_empty_file_is_refused(bare: Any) -> None:
    assert bare("publish", "-", text="\n\n").returncode == 4
