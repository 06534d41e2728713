"""Entries that several processes may want at once, and that appear whole or not at all."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from devstack.cache import Cache


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def cache(tmp_path: Path, said: list[str]) -> Cache:
    return Cache(tmp_path / "cache", None, said.append)


def fill(folder: Path) -> None:
    (folder / "content").write_text("whole")


def test_an_entry_is_built_once_for_all_who_want_it_at_the_same_time(cache: Cache, said: list[str]) -> None:
    def fill_slowly(folder: Path) -> None:
        time.sleep(0.05)
        fill(folder)

    with ThreadPoolExecutor(8) as pool:
        entries = set(pool.map(lambda _: cache.entry("jars", "v1", "fetching", fill_slowly), range(8)))
    assert [(entry / "content").read_text() for entry in entries] == ["whole"]
    assert said == ["fetching"]


def test_an_entry_made_from_something_else_is_another_entry(cache: Cache) -> None:
    assert cache.entry("jars", "v1", "", fill) != cache.entry("jars", "v2", "", fill)


def test_a_build_that_fails_leaves_nothing_and_can_be_tried_again(cache: Cache) -> None:
    def fail(folder: Path) -> None:
        fill(folder)
        raise ConnectionError

    with pytest.raises(ConnectionError):
        cache.entry("jars", "v1", "", fail)
    assert [path.name for path in cache.folder.iterdir()] == ["jars.lock"]
    assert (cache.entry("jars", "v1", "", fill) / "content").exists()


def test_what_a_killed_build_left_is_not_taken_for_the_entry(cache: Cache) -> None:
    entry = cache.entry("jars", "v1", "", fill)
    unfinished = entry.rename(entry.with_name(f"{entry.name}.unfinished"))
    (unfinished / "half").touch()
    assert sorted(path.name for path in cache.entry("jars", "v1", "", fill).iterdir()) == ["content"]
