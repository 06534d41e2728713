"""What the image would hold, run as the image would run it, but by this Python and outside of any container."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from devstack.standin.api import KEY
from devstack.standin.control import Control
from tests.support.command_line import Installed, eventually
from tests.support.dockerfile import context, copied, defaults, named, stages
from tests.support.markdown import CHECKOUT


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of the application as the Dockerfile fills it."""
    folder = tmp_path / "app"
    places = [(path, folder / target / path.relative_to(source)) for path in context()
              for source, target in copied().items() if path.is_relative_to(source)]  # fmt: skip
    for path, place in places:
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(CHECKOUT / path, place)
    # This Python would find them in the checkout, the image's would not.
    (folder / "devstack.py").write_text("raise ModuleNotFoundError('no devstack', name='devstack')\n")
    return folder


@pytest.fixture
def image(folder: Path, millrace: Any) -> Installed:
    """`millrace` as the image has it, on real servers."""
    environment = defaults(stages()[-1]) | millrace.environment | {"PYTHONPATH": str(folder), "HTTP_HOST": "127.0.0.1"}
    environment.pop("PATH")
    return Installed(folder, environment | {"ENVIRONMENT": defaults(stages()[-1])["ENVIRONMENT"]})


def is_healthy(image: Any, port: str) -> bool:
    """What the image's health check says."""
    (check,) = named(stages()[-1], "HEALTHCHECK")
    _, *arguments = json.loads(check.value.partition("CMD ")[2])
    python = image.command()[0]
    ended = subprocess.run([python, *arguments], env=image.all({"HTTP_PORT": port}), cwd=image.folder, check=False)
    return ended.returncode == 0


def test_the_image_holds_all_that_its_commands_need(
    image: Any, start_worker: Any, empty_database_url: str, openai: Control
) -> None:
    servers = {"DATABASE_URL": empty_database_url, "OPENAI_BASE_URL": openai.base_url, "OPENAI_API_KEY": KEY}
    assert image("migrate", **servers).returncode == 0
    assert image("topics", "ensure").returncode == 0
    worker = start_worker(image, **servers)
    worker.wait_until("/health/deep")
    event = image("example", "run.requested.v1").stdout
    published = image("publish", "-", "--wait", text=event, **servers)
    assert published.returncode == 0, published.stderr

    port = worker.url.rpartition(":")[2]
    # An engine of containers asks again too before it gives a worker up.
    assert eventually(lambda: is_healthy(image, port), bool)
    assert worker.end() == 0
    assert not is_healthy(image, port)
    assert "Traceback" not in worker.log.read_text()


def test_the_image_says_that_it_has_no_local_servers(image: Any) -> None:
    refused = image("stack", "status")
    assert refused.returncode == 1
    assert "local servers are not part of this installation" in refused.stderr
    unset = image("lag", DATABASE_URL="", REDIS_URL="", KAFKA_BOOTSTRAP_SERVERS="", ENVIRONMENT="test")
    assert unset.returncode == 5
    assert "is not set" in unset.stderr
