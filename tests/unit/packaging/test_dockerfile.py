from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from millrace.settings import Settings
from tests.support.dockerfile import context, copied, defaults, named, stages
from tests.support.markdown import CHECKOUT, read

HADOLINT = Path(sys.executable).with_name("hadolint")


@pytest.fixture
def project() -> dict[str, Any]:
    return tomllib.loads(read("pyproject.toml"))


def test_the_linter_has_no_complaint() -> None:
    linted = subprocess.run([HADOLINT, CHECKOUT / "Dockerfile"], capture_output=True, text=True, check=False)
    assert (linted.returncode, linted.stdout + linted.stderr) == (0, "")


def test_every_source_of_a_copy_exists() -> None:
    assert [source for source in copied() if not (CHECKOUT / source).exists()] == []


def test_what_is_copied_is_sent_to_the_build_and_nothing_else() -> None:
    sent = context()
    sources = [Path(source) for source in copied()]
    assert [path for path in sent if not any(path.is_relative_to(source) for source in sources)] == []
    assert [source for source in sources if not any(path.is_relative_to(source) for path in sent)] == []
    assert [path for path in sent if path.suffix == ".pyc"] == []


def test_every_package_but_the_local_servers_is_copied(project: dict[str, Any]) -> None:
    packages = set(project["tool"]["hatch"]["build"]["packages"]) - {"devstack"}
    assert packages <= set(copied())
    assert "devstack" not in copied()


def test_both_stages_are_on_a_slim_python_that_the_project_supports(project: dict[str, Any]) -> None:
    image = re.search(r"^ARG PYTHON_IMAGE=(\S+)$", read("Dockerfile"), re.MULTILINE)
    assert image
    tag = re.fullmatch(r"python:(\d+)\.(\d+)-slim-\w+", image[1])
    assert tag, "a tag with version and distribution"
    least = re.fullmatch(r">=(\d+)\.(\d+)", project["project"]["requires-python"])
    assert least
    assert tuple(map(int, tag.groups())) >= tuple(map(int, least.groups()))
    assert [stage[0].value.split()[0] for stage in stages()] == ["${PYTHON_IMAGE}"] * 2


def test_all_that_is_installed_is_held_to_hashes() -> None:
    (run,) = [each.value for each in named(stages()[0], "RUN") if "requirements.lock" in each.value]
    assert run.count("--require-hashes") == run.count("requirements") == 2
    (package,) = [each.value for each in named(stages()[0], "RUN") if "--editable" in each.value]
    assert "--build-constraint requirements-dev.lock" in package
    assert "--no-deps" in package
    assert "install" not in " ".join(each.value for each in named(stages()[1], "RUN")).replace("install --directory", "")


def test_the_image_runs_as_a_user_without_rights() -> None:
    assert [each.value for each in named(stages()[-1], "USER")] == ["10001:10001"]


def test_the_worker_gets_signals_itself() -> None:
    final = stages()[-1]
    assert [each.value for each in named(final, "ENTRYPOINT")] == ['["millrace"]']
    assert [each.value for each in named(final, "CMD")] == ['["worker"]']
    assert named(final, "SHELL") == []


def test_the_health_check_is_a_module_of_millrace() -> None:
    (check,) = named(stages()[-1], "HEALTHCHECK")
    program, option, module = re.findall(r'"([^"]+)"', check.value.partition("CMD")[2])
    assert (program, option) == ("python", "-m")
    assert importlib.util.find_spec(module)


def test_the_image_sets_nothing_but_settings() -> None:
    names = set(defaults(stages()[-1])) - {"PATH"}
    assert names
    assert names <= {name.upper() for name in Settings.model_fields}
