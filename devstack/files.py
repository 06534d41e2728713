"""Files and folders that are either there whole or not at all, whoever dies while they are made."""

import os
import shutil
import tempfile
from pathlib import Path

from devstack.users import ServiceUser


def make_folder(path: Path) -> None:
    """Make `path` and what is missing above it, open to other users whatever the umask is."""
    if path.is_dir():
        return
    make_folder(path.parent)
    path.mkdir(exist_ok=True)
    path.chmod(0o755)


def write_whole(path: Path, text: str, mode: int = 0o600, owner: ServiceUser | None = None) -> None:
    """Replace `path` by `text` in one step, with `mode` and, if given, `owner`."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        os.fchmod(descriptor, mode)
        if owner is not None:
            os.fchown(descriptor, owner.uid, owner.gid)
    Path(name).replace(path)


def copy_folder(source: Path, target: Path, owner: ServiceUser | None) -> None:
    """Copy the folder `source` to `target`, which appears whole, readable by `owner` (default: by the caller) alone."""
    unfinished = target.with_name(f"{target.name}.unfinished")
    remove_folder(unfinished)
    shutil.copytree(source, unfinished, symlinks=True)
    if owner is not None:
        give_to(unfinished, owner)
    unfinished.chmod(0o700)
    unfinished.rename(target)


def give_to(folder: Path, owner: ServiceUser) -> None:
    """Make `owner` the owner of the folder and all that is in it."""
    for path in (folder, *folder.rglob("*")):
        os.chown(path, owner.uid, owner.gid, follow_symlinks=False)


def open_to_readers(folder: Path) -> None:
    """Let every user read what is in the folder, and run what its owner may run."""
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(mode | 0o555 if mode & 0o100 else mode | 0o444)


def remove_folder(folder: Path) -> None:
    """Remove the folder if it is there."""
    if folder.exists():
        shutil.rmtree(folder)
