"""The user that the servers run as: the caller, or an unprivileged one when the caller is root."""

import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path

from devstack.failures import PlacementFailed


@dataclass(frozen=True, slots=True)
class ServiceUser:
    """An unprivileged user that root starts the servers as (PostgreSQL refuses to run as root)."""

    uid: int
    gid: int

    def can_enter(self, folder: Path) -> bool:
        """Whether the user may pass through the folder and every one above it."""
        return all(self._may_pass(path) for path in (folder, *folder.parents))

    def _may_pass(self, path: Path) -> bool:
        found = path.stat()
        if found.st_uid == self.uid:
            return bool(found.st_mode & stat.S_IXUSR)
        if found.st_gid == self.gid:
            return bool(found.st_mode & stat.S_IXGRP)
        return bool(found.st_mode & stat.S_IXOTH)


def service_user() -> ServiceUser | None:
    """The user `nobody` when the caller is root, else None: the servers run as the caller."""
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError as error:
        raise PlacementFailed(
            "PostgreSQL does not run as root and this machine has no user `nobody`: run as an ordinary user."
        ) from error
    return ServiceUser(entry.pw_uid, entry.pw_gid)
