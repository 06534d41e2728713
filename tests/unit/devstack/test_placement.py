"""Where state goes when the servers' user can, and cannot, enter the folder asked for."""

import tempfile
from pathlib import Path

import pytest

from devstack import placement
from devstack.failures import PlacementFailed
from devstack.placement import place
from devstack.users import ServiceUser

STRANGER = ServiceUser(uid=64_999, gid=64_999)


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "outside"
    folder.mkdir()
    monkeypatch.setattr(placement, "OUTSIDE", folder)
    return folder


@pytest.fixture
def closed(tmp_path: Path) -> Path:
    folder = tmp_path / "closed" / "checkout"
    folder.mkdir(parents=True)
    folder.parent.chmod(0o700)
    return folder


def test_a_caller_who_runs_the_servers_as_itself_stays_where_it_asked(closed: Path) -> None:
    assert place(closed / ".millrace", None) == closed / ".millrace"


def test_a_folder_that_the_user_can_enter_is_used(outside: Path) -> None:
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        assert place(Path(name) / ".millrace", STRANGER) == Path(name) / ".millrace"
    assert not list(outside.iterdir())


def test_a_folder_that_the_user_cannot_enter_is_replaced_by_one_outside(closed: Path, outside: Path) -> None:
    placed = place(closed / ".millrace", STRANGER)
    assert placed.parent == outside
    assert placed.name.startswith("millrace-checkout-")
    assert placed.stat().st_mode & 0o777 == 0o755


def test_the_folder_asked_for_says_where_its_replacement_is(closed: Path, outside: Path) -> None:
    placed = place(closed / ".millrace", STRANGER)
    assert (closed / ".millrace" / "location").read_text() == f"{placed}\n"


def test_the_replacement_is_found_again(closed: Path, outside: Path) -> None:
    assert place(closed / ".millrace", STRANGER) == place(closed / ".millrace", STRANGER)


def test_folders_of_one_checkout_move_together(closed: Path, outside: Path) -> None:
    state = place(closed / ".millrace", STRANGER)
    assert place(closed / ".millrace" / "cache", STRANGER) == state / "cache"


def test_a_replacement_that_was_removed_is_made_anew(closed: Path, outside: Path) -> None:
    gone = place(closed / ".millrace", STRANGER)
    gone.rmdir()
    placed = place(closed / ".millrace", STRANGER)
    assert placed.is_dir()
    assert placed != gone


def test_folders_are_open_to_other_users_whatever_the_umask(tmp_path: Path) -> None:
    placed = place(tmp_path / "one" / "two", None)
    assert placed.stat().st_mode & 0o777 == 0o755
    assert placed.parent.stat().st_mode & 0o777 == 0o755


def test_a_file_in_the_way_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(PlacementFailed, match="choose another state folder"):
        place(tmp_path / "file" / "state", None)


def test_the_folder_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placement.os, "geteuid", lambda: 64_998)
    with pytest.raises(PlacementFailed, match="belongs to user"):
        place(tmp_path, None)
