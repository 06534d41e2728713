"""Nothing is used that the lock files do not name."""

import re
from hashlib import sha256
from pathlib import Path

import pytest

from devstack import downloads
from devstack.cache import Cache
from devstack.downloads import BINARIES_LOCK, JARS_LOCK, Jar, kafka_jars, locked_jars
from devstack.failures import DownloadFailed


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache", None, lambda line: None)


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """A stand-in for Maven Central: what it sends by artifact."""
    sent: dict[str, bytes] = {}

    def resolve_once(jar: Jar, repository: Path) -> Path:
        if jar.artifact not in sent:
            raise DownloadFailed(jar.artifact)
        path = repository / f"{jar.artifact}-{jar.version}.jar"
        repository.mkdir(exist_ok=True)
        path.write_bytes(sent[jar.artifact])
        return path

    lock = tmp_path / "jars.lock"
    lock.write_text(f"{sha256(b'a').hexdigest()}  g:a:1\n{sha256(b'b').hexdigest()}  g:b:2\n")
    monkeypatch.setattr(downloads, "JARS_LOCK", lock)
    monkeypatch.setattr(downloads, "_resolve_once", resolve_once)
    return sent


def test_jars_of_the_lock_file_are_gathered_in_one_folder(cache: Cache, registry: dict[str, bytes]) -> None:
    registry |= {"a": b"a", "b": b"b"}
    assert sorted(path.name for path in kafka_jars(cache).iterdir()) == ["a-1.jar", "b-2.jar"]


def test_a_jar_with_another_content_is_refused(cache: Cache, registry: dict[str, bytes]) -> None:
    registry |= {"a": b"a", "b": b"something else"}
    with pytest.raises(DownloadFailed, match="has the sha256"):
        kafka_jars(cache)
    registry["b"] = b"b"
    assert kafka_jars(cache).is_dir()


def test_a_jar_that_is_not_to_be_had_is_named(cache: Cache, registry: dict[str, bytes]) -> None:
    registry |= {"a": b"a"}
    with pytest.raises(DownloadFailed, match="b"):
        kafka_jars(cache)


def test_every_jar_is_locked_to_a_sha256_and_a_version() -> None:
    jars = locked_jars(JARS_LOCK.read_text())
    assert all(re.fullmatch(r"[0-9a-f]{64}", jar.digest) and jar.version for jar in jars)
    assert ("org.apache.kafka", "kafka_2.13", "4.3.1") in {jar[1:] for jar in jars}


def test_lock_files_hold_no_addresses() -> None:
    assert "://" not in BINARIES_LOCK.read_text() + JARS_LOCK.read_text()


def test_binaries_need_uv(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(downloads.sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DownloadFailed, match="pip install uv"):
        downloads.binaries(Cache(tmp_path / "cache", None, lambda line: None))
