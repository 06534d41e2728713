from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

AWAY = {"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1", "DATABASE_URL": "postgresql://u:hunter2@127.0.0.1:1/x"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "minutes.txt"
    path.write_text("The board met on 3 November and approved the loan.")
    return path


@pytest.mark.parametrize(
    "arguments",
    [
        ["--client", "no spaces"],
        ["--client", ""],
        ["--client", "acme", "--document-id", "no-uuid"],
        ["--client", "acme", "--version", "0"],
        ["--client", "acme", "--new", "--version", "2"],
        ["--client", "acme", "--document-id", str(uuid4()), "another.txt"],
        [],
    ],
)
def test_what_makes_no_sense_is_exit_code_2(bare: Any, file: Path, arguments: list[str]) -> None:
    result = bare("upload", str(file), *arguments)
    assert (result.returncode, result.stdout) == (2, "")
    assert "Traceback" not in result.stderr


def test_every_file_is_looked_at_before_anything_is_asked_of_a_server(bare: Any, file: Path, tmp_path: Path) -> None:
    (tmp_path / "large.txt").write_bytes(b"x" * 2000)
    wrong = [str(tmp_path), str(tmp_path / "missing.pdf"), str(tmp_path / "large.txt")]
    settings = AWAY | {"OBJECT_STORE_URL": tmp_path.as_uri(), "DOCUMENT_MAX_BYTES": "1024"}
    result = bare("upload", str(file), *wrong, "--client", "acme", **settings)
    assert (result.returncode, result.stdout) == (4, "")
    assert result.stderr.splitlines() == [
        f"{wrong[0]}: is a folder",
        f"{wrong[1]}: no such file or directory",
        f"{wrong[2]}: has 2,000 bytes, at most 1,024 are read",
        "millrace: 3 files cannot be uploaded; nothing was stored or sent",
    ]
    said = bare("upload", *wrong, "--client", "acme", "--json", **settings)
    assert (said.returncode, len(json.loads(said.stdout)["errors"])) == (4, 3)


def test_a_server_that_is_away_is_exit_code_5_and_nothing_is_stored(bare: Any, file: Path, object_store_url: str) -> None:
    result = bare("upload", str(file), "--client", "acme", OBJECT_STORE_URL=object_store_url, **AWAY)
    assert (result.returncode, result.stdout) == (5, "")
    assert "PostgreSQL at postgresql://u:***@127.0.0.1:1/x does not answer" in result.stderr
    assert list(Path(object_store_url.removeprefix("file://")).iterdir()) == []


def test_an_object_store_that_is_away_is_exit_code_5(bare: Any, file: Path, tmp_path: Path) -> None:
    nowhere = {"OBJECT_STORE_URL": (tmp_path / "nowhere").as_uri()}
    result = bare("upload", str(file), "--client", "acme", "--new", **(AWAY | nowhere))
    assert (result.returncode, result.stdout) == (5, "")
    assert "object store" in result.stderr
    assert not (tmp_path / "nowhere").exists()


def test_a_kafka_that_is_away_is_exit_code_5(bare: Any, file: Path, object_store_url: str) -> None:
    result = bare("upload", str(file), "--client", "acme", "--new", OBJECT_STORE_URL=object_store_url, **AWAY)
    assert (result.returncode, result.stdout) == (5, "")
    assert "Kafka at 127.0.0.1:1" in result.stderr


def test_without_a_worker_the_ids_are_printed_and_nobody_answers(millrace: Any, file: Path, object_store_url: str) -> None:
    client = f"client-{uuid4().hex[:8]}"
    first = millrace("upload", str(file), "--client", client)
    assert first.returncode == 0, first.stderr
    document_id = UUID(first.stdout.strip())
    again = json.loads(millrace("upload", str(file), "--client", client, "--json").stdout)
    assert (again["document_id"], again["version"], again["filename"]) == (str(document_id), 1, "minutes.txt")
    assert UUID(millrace("upload", str(file), "--client", client, "--new").stdout.strip()) != document_id
    stored = Path(object_store_url.removeprefix("file://")) / "uploads" / client / again["sha256"] / "minutes.txt"
    assert stored.read_bytes() == file.read_bytes()

    chosen = json.loads(millrace("upload", str(file), "--client", client, "--version", "7", "--json").stdout)
    assert (chosen["document_id"], chosen["version"]) == (str(document_id), 7)
    waited = millrace("upload", str(file), "--client", client, "--wait", "--timeout", "0.5")
    assert (waited.returncode, waited.stdout) == (1, "")
    assert "no answer" in waited.stderr
    assert millrace("results", "document", str(document_id)).returncode == 1


def test_two_files_of_one_name_are_told_to_be_apart(millrace: Any, tmp_path: Path) -> None:
    paths = [tmp_path / folder / "report.txt" for folder in ("a", "b")]
    for path in paths:
        path.parent.mkdir()
        path.write_text(str(path))
    assert millrace("upload", *map(str, paths), "--client", "acme").returncode == 4
    apart = millrace("upload", *map(str, paths), "--client", "acme", "--new")
    assert apart.returncode == 0, apart.stderr
    assert len(set(apart.stdout.split())) == 2
